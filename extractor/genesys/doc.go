// Package genesys is the analytics API of Genesys Cloud as an [extractor.Source]: the HTTP
// calls, the OAuth token, and the words of the dialect. Each call is made once; pace and
// patience are the extractor's.
//
// Dialect "reports", in reports.go, is the one of the guide that convstream implements.
package genesys
