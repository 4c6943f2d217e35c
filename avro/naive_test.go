package avro

import (
	"cmp"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"convstream/internal/conv"
)

// This file holds what the encoder is compared with: a reading of the package
// documentation's rules that is made for being obvious.

// naiveRow is what goavro needs to encode a row, and what the row's facts should be.
type naiveRow struct {
	native  any
	entries string // what the fingerprint hashes
	reject  *conv.Reject
}

// naiveValue is one value read.
type naiveValue struct {
	native   any
	content  string // the value of a fingerprint entry
	fits     bool
	problems []problem // in the order of reading
}

// problem is a reason to reject the row. A soft one goes where a record around it, or the
// element that it is in, can become null.
type problem struct {
	conv.Reject
	soft bool
}

func naiveEncode(t testing.TB, c *Contract, raw string) naiveRow {
	t.Helper()
	s := shapeOf(t, c)
	v := naiveRecord(&s, parseMembers(t, raw), "")
	row := naiveRow{native: v.native, entries: v.content}
	if len(v.problems) > 0 {
		row.reject = &v.problems[0].Reject
	}
	return row
}

// naiveRecord reads a record's fields from an object at a path.
func naiveRecord(s *shape, members []naiveMember, path string) naiveValue {
	native := map[string]any{}
	type entry struct{ source, order, tag, value, mark string }
	var entries []entry
	out := naiveValue{native: native, fits: true}
	for i := range s.fields {
		f := &s.fields[i]
		at := f.source
		if path != "" {
			at = path + "." + f.source
		}
		v, tag := naiveField(f, lookup(members, f.source), at)
		out.problems = append(out.problems, v.problems...)
		out.fits = out.fits && v.fits
		if v.native != (useDefault{}) {
			native[f.name] = v.native
		}
		if !v.fits {
			tag = ""
		}
		entries = append(entries, entry{source: f.source, order: tagOf(f.kind), tag: tag, value: v.content})
	}
	slices.SortStableFunc(entries, func(a, b entry) int {
		return cmp.Or(cmp.Compare(a.source, b.source), cmp.Compare(a.order, b.order))
	})
	for i, e := range entries {
		for _, before := range entries[:i] {
			if before.source == e.source {
				entries[i].mark += "*"
			}
		}
		if e.tag != "" {
			out.content += sized(e.source+entries[i].mark) + e.tag + sized(e.value)
		}
	}
	return out
}

// sized is a text behind its length.
func sized(s string) string {
	return string(binary.BigEndian.AppendUint32(nil, uint32(len(s)))) + s
}

// useDefault leaves a field to goavro, which knows the schema's defaults.
type useDefault struct{}

// naiveField returns the tag of the field's fingerprint entry, "" where it has none.
func naiveField(f *shapeField, at found, path string) (v naiveValue, tag string) {
	v.fits = true
	absentIsNull := f.nullable && (!f.hasDefault || f.defaultNull)
	switch {
	case f.required && (!at.there || at.value == nil):
		missing := conv.Reject{Reason: conv.ReasonMissing, Path: path, Expected: f.expects(), Found: "nothing"}
		if at.there {
			missing.Found = "null"
		}
		return naiveValue{problems: []problem{{Reject: missing}}}, ""
	case !at.there && absentIsNull:
		return v, ""
	case !at.there, at.value == nil && !f.nullable:
		v.native = useDefault{}
		return v, ""
	case at.value != nil:
		if at.blocked {
			v = misfit(path, "object", at.value)
		} else {
			v = naiveRead(&f.shape, at.value, path)
		}
		if v.fits {
			if f.nullable {
				v.native = map[string]any{f.branch: v.native}
			}
			if !f.required && f.hasDefault && !f.defaultNull && v.content == f.defaultContent() {
				return v, ""
			}
			return v, tagOf(f.kind)
		}
		if f.required {
			harden(v.problems)
		}
		if f.required || !f.nullable {
			return v, ""
		}
		v = naiveValue{fits: true, problems: hard(v.problems)}
	}
	if absentIsNull {
		return v, ""
	}
	return v, "z"
}

// defaultContent is a default as fingerprints know it. Of a collection it is an empty one.
func (f *shapeField) defaultContent() string {
	if f.items != nil {
		return ""
	}
	native, _ := naiveScalar(f.kind, f.defaultValue)
	return naiveContent(native)
}

func hard(problems []problem) []problem {
	return slices.DeleteFunc(problems, func(p problem) bool { return p.soft })
}

func harden(problems []problem) {
	for i := range problems {
		problems[i].soft = false
	}
}

// naiveItem reads an element of an array or a value of a map. The content is its whole entry.
func naiveItem(s *shape, value any, path string) naiveValue {
	const null = "z\x00\x00\x00\x00"
	switch {
	case value == nil && s.nullable:
		return naiveValue{fits: true, content: null}
	case value == nil:
		return naiveValue{problems: []problem{{Reject: conv.Reject{
			Reason: conv.ReasonMissing, Path: path, Expected: s.expects(), Found: "null",
		}}}}
	}
	v := naiveRead(s, value, path)
	switch {
	case v.fits && s.nullable:
		v.native = map[string]any{s.branch: v.native}
	case s.nullable:
		return naiveValue{fits: true, content: null, problems: hard(v.problems)}
	case !v.fits:
		harden(v.problems)
	}
	v.content = tagOf(s.kind) + sized(v.content)
	return v
}

func misfit(path, expected string, found any) naiveValue {
	return naiveValue{problems: []problem{{soft: true, Reject: conv.Reject{
		Reason: conv.ReasonType, Path: path, Expected: expected, Found: kindOf(found),
	}}}}
}

// naiveRead reads a value that is not null.
func naiveRead(s *shape, value any, path string) naiveValue {
	members, isObject := value.([]naiveMember)
	elements, isArray := value.([]any)
	switch {
	case s.kind == "record" && isObject:
		return naiveRecord(s, members, path)
	case s.kind == "array" && isArray:
		native := []any{}
		out := naiveValue{fits: true}
		for i, e := range elements {
			v := naiveItem(s.items, e, fmt.Sprintf("%s[%d]", path, i))
			native = append(native, v.native)
			out.add(v, v.content)
		}
		out.native = native
		return out
	case s.kind == "map" && isObject:
		native := map[string]any{}
		out := naiveValue{fits: true}
		members = slices.Clone(members)
		slices.SortFunc(members, func(a, b naiveMember) int { return cmp.Compare(a.key, b.key) })
		for _, m := range members {
			v := naiveItem(s.items, m.value, fmt.Sprintf("%s[%q]", path, m.key))
			native[m.key] = v.native
			out.add(v, sized(m.key)+v.content)
		}
		out.native = native
		return out
	case s.items != nil || s.fields != nil:
		return misfit(path, s.expects(), value)
	}
	native, ok := naiveScalar(s.kind, value)
	if !ok {
		return misfit(path, s.kind, value)
	}
	return naiveValue{native: native, content: naiveContent(native), fits: true}
}

func (v *naiveValue) add(inner naiveValue, content string) {
	v.fits = v.fits && inner.fits
	v.problems = append(v.problems, inner.problems...)
	v.content += content
}

func tagOf(kind string) string {
	switch kind {
	case "string", "boolean", "timestamp-millis", "record", "array", "map":
		return kind[:1]
	}
	return "n"
}

// naiveContent is a scalar as fingerprints know it.
func naiveContent(v any) string {
	switch v := v.(type) {
	case time.Time:
		return strconv.FormatInt(v.UnixMilli(), 10)
	case float64:
		return naiveNumberText(strconv.FormatFloat(v, 'e', -1, 64))
	case float32:
		return naiveNumberText(strconv.FormatFloat(float64(v), 'e', -1, 32))
	}
	return fmt.Sprint(v)
}

func kindOf(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case string:
		return "string"
	case json.Number:
		return "number"
	case bool:
		return "boolean"
	case []any:
		return "array"
	}
	return "object"
}

func naiveScalar(kind string, v any) (any, bool) {
	number, isNumber := v.(json.Number)
	text, isText := v.(string)
	truth, isBool := v.(bool)
	digits := string(number)
	if isText && validNumber(text) {
		digits = text
	}
	switch kind {
	case "string":
		switch {
		case isNumber:
			return naiveNumberText(digits), true
		case isBool:
			return strconv.FormatBool(truth), true
		}
		return text, isText
	case "long":
		n, ok := naiveInteger(digits)
		return n, ok
	case "int":
		n, ok := naiveInteger(digits)
		return int32(n), ok && n >= -1<<31 && n < 1<<31
	case "double":
		f, err := strconv.ParseFloat(digits, 64)
		return f + 0, err == nil
	case "float":
		f, err := strconv.ParseFloat(digits, 32)
		return float32(f) + 0, err == nil
	case "boolean":
		if isText {
			return text == "true", text == "true" || text == "false"
		}
		return truth, isBool
	}
	if isText {
		ms, _, ok := conv.ParseTimestamp([]byte(text))
		return time.UnixMilli(ms), ok
	}
	n, ok := naiveInteger(digits)
	return time.UnixMilli(n), ok
}
