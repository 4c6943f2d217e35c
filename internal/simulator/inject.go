package simulator

import "slices"

// The kinds of faults, as they are named in the faults file and counted in [Stats].
const (
	faultTooMany     = "too_many"
	faultUnavailable = "unavailable"
	faultCut         = "cut"
	faultExpired     = "expired"
	faultGarbled     = "garbled"
	faultTruncated   = "truncated"

	// Those of the script: per job, or where the job is gone or its tokens go wrong, per
	// request that was told so.
	faultPartial  = "partial"
	faultFailed   = "failed"
	faultEndless  = "endless"
	faultStalled  = "stalled"
	faultUnknown  = "unknown"
	faultVanished = "vanished"
	faultGone     = "gone"
	faultExpires  = "expires"
	faultLoops    = "loops"

	// Those of what there is to see, per job that sees it so.
	faultRevise    = "revise"
	faultLate      = "late"
	faultRemoved   = "removed"
	faultWatermark = "watermark"
	faultEdges     = "edges"

	// Those of how it is told, per row.
	faultOffsets  = "offsets"
	faultZoneless = "zoneless"
	faultPadding  = "row_padding"
	faultInvalid  = "invalid"
	faultDrift    = "drift"

	// Those of answers and pages, per each.
	faultSkew        = "clock_skew"
	faultDrip        = "drip"
	faultEmpty       = "empty_pages"
	faultPerMinute   = "requests_per_minute"
	faultInFlight    = "jobs_in_flight"
	faultPermissions = "missing_permissions"
	faultLicence     = "missing_licence"
)

// faultKinds are the kinds that strike by chance; the others are scripted or always there.
var faultKinds = []string{faultTooMany, faultUnavailable, faultCut, faultExpired, faultGarbled, faultTruncated}

func (f Faults) rates(kind string) Rates {
	switch kind {
	case faultTooMany:
		return f.TooMany
	case faultUnavailable:
		return f.Unavailable
	case faultCut:
		return f.Cut
	case faultGarbled:
		return f.Garbled
	case faultTruncated:
		return f.Truncated
	default:
		return f.Expired
	}
}

// maxStreak is how many requests of one operation may fail in a row: a client that gives
// up after a handful of retries still gets through.
const maxStreak = 5

// injector decides which requests fail. The n-th request of an operation fails or not
// whatever requests of others come between: runs with the same seed see the same faults.
type injector struct {
	seed   uint64
	faults Faults
	asked  map[Operation]int
	streak map[Operation]int
	last   map[Operation]string // the fault of the operation's last request
}

func newInjector(seed uint64, faults Faults) *injector {
	return &injector{seed, faults, map[Operation]int{}, map[Operation]int{}, map[Operation]string{}}
}

// next returns the fault that strikes the operation's next request, "" if none does, and
// the dice to settle its details with.
func (in *injector) next(op Operation) (string, dice) {
	in.asked[op]++
	d := newDice(in.seed, forFault, uint64(slices.Index(operations, op)), uint64(in.asked[op]))
	kind := in.strike(op, d.fraction())
	in.last[op] = kind
	if kind == "" {
		in.streak[op] = 0
	} else {
		in.streak[op]++
	}
	return kind, d
}

// strike finds the fault in whose share of [0, 1) x lies.
func (in *injector) strike(op Operation, x float64) string {
	if in.streak[op] == maxStreak {
		return ""
	}
	for _, kind := range faultKinds {
		p := in.faults.rates(kind)[op]
		if x >= p {
			x -= p
			continue
		}
		if kind == faultExpired && in.last[op] == faultExpired {
			return "" // a client is right to give up when a fresh token is refused at once
		}
		return kind
	}
	return ""
}
