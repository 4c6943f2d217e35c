// Package staging keeps the pages of results in object storage, as they came, and reads them
// from there again.
//
// What is kept of a job stands in a folder of its own:
//
//	ORG/DIALECT/FROM_TO/OBSERVATION-JOB/page-000000.json.zst
//	ORG/DIALECT/FROM_TO/OBSERVATION-JOB/job.json
//
// A name follows from what it is of: whoever keeps a page again writes the same object. The
// manifest job.json is written behind the last page, so a folder without one is of a result that
// was not read to its end. A page carries its own checksum, and says itself whether private
// values were replaced in it.
package staging
