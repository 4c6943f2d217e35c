// Package simulator stands in for Genesys Cloud: an [http.Handler] that behaves, and on
// request misbehaves, as the guide's platform does. It serves the dialect reports, the
// token endpoint, and below /_sim/ what only a stand-in can tell: the true rows and what
// was asked of it.
//
// Rows are never stored. Row i is a function of the seed and i, and its time grows with i,
// so a window of any size is a range of indexes found by binary search, and ten million
// rows cost no memory. The time in which jobs and tokens age is time.Now; the package
// starts no goroutine, so a testing/synctest bubble holds it.
//
// What is served, all of it under one address:
//
//	POST   /oauth/token
//	POST   /api/v2/analytics/conversations/details/query      submit
//	GET    /api/v2/analytics/conversations/details/query      baseline: ?start=&end=
//	GET    /api/v2/analytics/report-queries/{id}              status
//	GET    /api/v2/analytics/report-queries/{id}/results      one page: ?pageToken=
//	DELETE /api/v2/analytics/report-queries/{id}              abort
//	GET    /_sim/truth        ?from=&to=&poison=1             NDJSON, half-open [from, to)
//	GET    /_sim/truth/count  ?from=&to=&poison=1             {"count":N}
//	GET    /_sim/stats                                        a [Stats]
package simulator
