package app

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"convstream/avro"
	"convstream/internal/app/config"
	"convstream/internal/route"
)

// peek is something that an expression reads, and the private values that it gets at by that.
type peek struct {
	route.Read
	marked []string
}

// String says what is read, for an error.
func (p peek) String() string {
	const most = 3
	marked := strings.Join(p.marked[:min(most, len(p.marked))], " and ")
	if more := len(p.marked) - most; more > 0 {
		marked = fmt.Sprintf("%s and %d more", marked, more)
	}
	around := func(source string) bool { return strings.HasPrefix(p.Path+".", source+".") }
	switch {
	case p.Computed:
		return fmt.Sprintf("computes a name below %s and may read %s", p.Path, marked)
	case slices.ContainsFunc(p.marked, around):
		return "reads " + p.Path
	}
	return fmt.Sprintf("reads %s, and with it %s", p.Path, marked)
}

// private lists what an expression reads that a contract marks as private, in it or around it;
// file names the contracts that do.
func (r *routing) private(s *route.Selector) (peeks []peek, file string) {
	var files []string
	for _, read := range s.Reads() {
		var all []string
		for _, c := range r.contracts {
			marked := c.contract.Marked(read.Path, read.Whole)
			if len(marked) > 0 && !slices.Contains(files, c.place) {
				files = append(files, c.place)
			}
			all = append(all, marked...)
		}
		slices.Sort(all)
		if all = slices.Compact(all); len(all) > 0 {
			peeks = append(peeks, peek{read, all})
		}
	}
	return peeks, strings.Join(files, " and ")
}

// checkPrivacy refuses keys that are made of private values, as nothing conceals them in the key
// of a record. Filters may read them, and are noted.
func (r *routing) checkPrivacy(cfg config.Config) error {
	var errs []error
	for _, derived := range cfg.Routes {
		filter, key, err := expressions(cfg, derived)
		if err != nil {
			return err
		}
		if peeks, file := r.private(key); len(peeks) > 0 {
			errs = append(errs, keyError(derived, peeks, file))
		}
		if peeks, _ := r.private(filter); len(peeks) > 0 {
			r.peeking = append(r.peeking, peeking{derived.Name, markedBy(peeks)})
		}
	}
	return errors.Join(errs...)
}

// keyError is the error of a key that reads private values.
func keyError(derived config.Route, peeks []peek, file string) error {
	var says []string
	mend := "make the key of other fields"
	for _, p := range peeks {
		says = append(says, p.String())
		if p.Computed {
			mend = "write the name out, or number(…) where it is an index, make the key of other fields"
		}
	}
	return fmt.Errorf(`%s (%s): key '%s' %s, marked with "privacy" in %s, and would give it away; %s, or leave "privacy" out there`,
		derived.Place, derived.Name, route.Excerpt(derived.Key), strings.Join(says, " and "), file, mend)
}

// markedBy lists the private values that an expression gets at.
func markedBy(peeks []peek) (fields []string) {
	for _, p := range peeks {
		fields = append(fields, p.marked...)
	}
	slices.Sort(fields)
	return slices.Compact(fields)
}

// peeking is a route whose filter reads private fields.
type peeking struct {
	route  string
	fields []string
}

// warnOfFilters logs what is allowed in filters and keys, and probably not meant.
func (p *process) warnOfFilters(cfg config.Config, r *routing) {
	p.warnOfDoubts(r)
	p.warnOfPeeking(cfg, r)
}

// warnOfDoubts logs which fields filters and keys can hardly mean.
func (p *process) warnOfDoubts(r *routing) {
	for _, doubt := range r.doubts {
		p.log.Warn().Msg(doubt)
	}
}

// warnOfPeeking logs which filters see something else in a row that comes back redacted.
func (p *process) warnOfPeeking(cfg config.Config, r *routing) {
	staged := cfg.Staging.URL != "" && cfg.Privacy.Staging != config.Keep
	if !staged && cfg.Privacy.DeadLetters == config.Keep {
		return
	}
	for _, f := range r.peeking {
		p.log.Warn().Str("route", f.route).Strs("fields", f.fields).
			Msg("a filter reads what a contract marks as private: it sees the replaced value in redriven and staged rows")
	}
}

// newRedactor replaces what any contract marks; the primary route's decides about what it reads.
func (r *routing) newRedactor() *avro.Redactor {
	var derived []*avro.Contract
	for _, c := range r.contracts[1:] {
		derived = append(derived, c.contract)
	}
	return avro.NewRedactor(r.contracts[0].contract, derived...)
}

// warnOfPlain logs which routes publish as it is what another contract conceals, in one line: that
// may be meant, as speech analytics may need a number that the warehouse must not have.
func (p *process) warnOfPlain(r *routing) {
	plain := map[string][]string{} // fields by their routes
	var places []string
	for _, open := range r.contracts {
		for _, source := range open.contract.Sources() {
			if open.contract.Marks(source) {
				continue
			}
			marked := false
			for _, c := range r.contracts {
				if c.contract.Marks(source) {
					marked, places = true, append(places, c.place)
				}
			}
			if marked {
				plain[open.name] = append(plain[open.name], source)
			}
		}
	}
	if len(plain) > 0 {
		p.log.Warn().Interface("routes", plain).Strs("marked_in", slices.Compact(slices.Sorted(slices.Values(places)))).
			Msg("routes publish as it is what another contract marks as private; mark it in both, if that is not meant")
	}
}
