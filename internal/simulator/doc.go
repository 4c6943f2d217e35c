// Package simulator stands in for Genesys Cloud: an [http.Handler] that behaves, and on
// request misbehaves, as the platform does. It serves both dialects, the guide's (reports)
// and the public API's (jobs), the token endpoint, and below /_sim/ what only a stand-in
// can tell: what is true, and what was asked of it.
//
// Nothing is stored. Row i and conversation i are functions of the seed and i, and their
// time grows with i, so a window of any size is a range of indexes found by binary search,
// and ten million rows cost no memory. A conversation lasts for five days at most, which
// bounds where those are that last into a window. The time in which jobs and tokens age is
// time.Now; the package starts no goroutine, so a testing/synctest bubble holds it.
//
// What is served, all of it under one address:
//
//	POST   /oauth/token
//
//	POST   /api/v2/analytics/conversations/details/query      submit: a body with view and select
//	GET    /api/v2/analytics/conversations/details/query      baseline: ?start=&end=
//	GET    /api/v2/analytics/report-queries/{id}              status
//	GET    /api/v2/analytics/report-queries/{id}/results      one page: ?pageToken=
//	DELETE /api/v2/analytics/report-queries/{id}              abort
//
//	POST   /api/v2/analytics/conversations/details/jobs               submit
//	GET    /api/v2/analytics/conversations/details/jobs/{id}          status
//	GET    /api/v2/analytics/conversations/details/jobs/{id}/results  one page: ?cursor=&pageSize=
//	DELETE /api/v2/analytics/conversations/details/jobs/{id}          abort
//	GET    /api/v2/analytics/conversations/details/jobs/availability  the watermark
//	POST   /api/v2/analytics/conversations/details/query              query: any other body
//
//	GET    /_sim/truth        ?dialect=&from=&to=&poison=1    NDJSON, half-open [from, to) of starts
//	GET    /_sim/truth/count  ?dialect=&from=&to=&poison=1    {"count":N}
//	GET    /_sim/stats                                        a [Stats]
//
// Where the public API's behaviour is not known, the simulator takes what is harder on a
// client: an interval of the synchronous query that ends at midnight touches the next day,
// a conversation that ended in an interval's first millisecond has part in it, an expired
// or cancelled job refuses its cursors with 400, and pages put their members in any order.
package simulator
