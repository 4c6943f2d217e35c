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

// private lists what an expression reads that a contract marks as private; file names the
// contracts that do.
func (r *routing) private(s *route.Selector) (fields []string, file string) {
	var files []string
	for _, c := range r.contracts {
		marks := false
		for _, field := range s.Fields() {
			if !c.contract.Marks(field) {
				continue
			}
			marks = true
			if !slices.Contains(fields, field) {
				fields = append(fields, field)
			}
		}
		if marks {
			files = append(files, c.place)
		}
	}
	return fields, strings.Join(files, " and ")
}

// checkPrivacy refuses keys that are made of private values, as nothing conceals them in the key
// of a record. Filters may read them, and are noted.
func (r *routing) checkPrivacy(cfg config.Config) error {
	var errs []error
	for _, derived := range cfg.Routes {
		filter, filterErr := route.Compile(filterOf(cfg, derived), "")
		key, keyErr := route.Compile("", derived.Key)
		if err := errors.Join(filterErr, keyErr); err != nil {
			return err
		}
		if fields, file := r.private(key); len(fields) > 0 {
			errs = append(errs, fmt.Errorf(`%s.key: %q reads %s, marked with "privacy" in %s, and would publish it as it is; `+
				`make the key of other fields, or leave "privacy" out there`, derived.Place, derived.Key, strings.Join(fields, " and "), file))
		}
		if fields, _ := r.private(filter); len(fields) > 0 {
			r.peeking = append(r.peeking, peeking{derived.Name, fields})
		}
	}
	return errors.Join(errs...)
}

// peeking is a route whose filter reads private fields.
type peeking struct {
	route  string
	fields []string
}

// warnOfFilters logs which filters see something else in a row that comes back redacted.
func (p *process) warnOfFilters(cfg config.Config, r *routing) {
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

// warnOfPlain logs which routes publish as it is what another contract conceals: that may be
// meant, as speech analytics may need a number that the warehouse must not have.
func (p *process) warnOfPlain(r *routing) {
	for _, plain := range r.contracts {
		for _, c := range r.contracts {
			var fields []string
			for _, source := range plain.contract.Sources() {
				if c.contract.Marks(source) && !plain.contract.Marks(source) {
					fields = append(fields, source)
				}
			}
			if len(fields) > 0 {
				p.log.Warn().Str("route", plain.name).Strs("fields", fields).Str("marked_in", c.place).
					Msg("a route publishes as it is what another contract marks as private; mark it in both, if that is not meant")
			}
		}
	}
}
