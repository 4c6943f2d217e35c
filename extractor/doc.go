// Package extractor gets conversation rows out of asynchronous analytics jobs: it submits a
// window as a job, polls the job to its end, and reads the result page by page while each
// page is still arriving.
//
// [Extractor] owns everything that is the same for every platform: pace, patience and
// paging. [Source] is the platform's side, one call per method; it asks [Pass] before each
// HTTP request, so that one budget and one breaker hold for all of them. [Splitter] cuts a
// results page into rows and reads each byte of it once.
//
// The package neither logs nor counts: it tells [Hooks] what happens.
package extractor
