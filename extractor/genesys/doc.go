// Package genesys is the analytics API of Genesys Cloud as an [extractor.Source]: the HTTP
// calls, the OAuth token, and the words of the dialect. Each call is made once; pace and
// patience are the extractor's.
//
// Dialect "reports", in reports.go, is the one of the guide that convstream implements.
// Dialect "jobs", in jobs.go, is the platform's public API. One path means two things in
// them, so that the configuration chooses, and never an answer.
package genesys
