package avro

import (
	"convstream/internal/conv"
)

// kind is the Avro type of a value, without the union with null around it.
type kind uint8

const (
	typeString kind = iota
	typeLong
	typeInt
	typeDouble
	typeFloat
	typeBoolean
	typeTimestamp       // long with logicalType timestamp-millis
	typeTimestampMicros // long with logicalType timestamp-micros
	typeLocal           // long with logicalType local-timestamp-millis
	typeLocalMicros     // long with logicalType local-timestamp-micros
	typeDate            // int with logicalType date
	typeTime            // int with logicalType time-millis
	typeTimeMicros      // long with logicalType time-micros
	typeUUID            // string with logicalType uuid
	typeEnum
	typeDecimal // bytes or fixed with logicalType decimal
	typeRecord
	typeArray
	typeMap
	typeUnion // of several types beside null
)

// kindFacts is what there is to know of a kind.
type kindFacts struct {
	name    string    // what rejects and drift say that they expected: Avro's name of a scalar, JSON's of the rest
	base    string    // the Avro type that the schema has to name
	spelled conv.Kind // how a row spells a value that is not coerced; True for both booleans
	tag     byte      // the type's letter in a fingerprint
}

// All numbers share one tag, so that a field which grows from int to long, double or decimal
// keeps its fingerprints. So do texts, and instants of either precision.
var kinds = [...]kindFacts{
	typeString:          {"string", "string", conv.String, 's'},
	typeLong:            {"long", "long", conv.Number, 'n'},
	typeInt:             {"int", "int", conv.Number, 'n'},
	typeDouble:          {"double", "double", conv.Number, 'n'},
	typeFloat:           {"float", "float", conv.Number, 'n'},
	typeBoolean:         {"boolean", "boolean", conv.True, 'b'},
	typeTimestamp:       {"timestamp-millis", "long", conv.String, 't'},
	typeTimestampMicros: {"timestamp-micros", "long", conv.String, 't'},
	typeLocal:           {"local-timestamp-millis", "long", conv.String, 'l'},
	typeLocalMicros:     {"local-timestamp-micros", "long", conv.String, 'l'},
	typeDate:            {"date", "int", conv.String, 'd'},
	typeTime:            {"time-millis", "int", conv.String, 'c'},
	typeTimeMicros:      {"time-micros", "long", conv.String, 'c'},
	typeUUID:            {"uuid", "string", conv.String, 's'},
	typeEnum:            {"enum", "enum", conv.String, 's'},
	typeDecimal:         {"decimal", "", conv.Number, 'n'},
	typeRecord:          {"object", "record", conv.Object, 'r'},
	typeArray:           {"array", "array", conv.Array, 'a'},
	typeMap:             {"object", "map", conv.Object, 'm'},
	typeUnion:           {"union", "", conv.Null, 'u'}, // its values have the tags of their branches
}

// String is the kind's name in rejects and drift.
func (k kind) String() string { return kinds[k].name }

// nested says whether values hold values.
func (k kind) nested() bool { return k >= typeRecord && k <= typeMap }

// avroType is the type of a field, of an array's items or of a map's values, compiled.
type avroType struct {
	kind     kind
	spelled  conv.Kind    // what kinds say of it, at hand for every value
	tag      byte         // likewise
	record   *record      // of typeRecord
	items    *avroType    // of typeArray the items, of typeMap the values
	enum     *enumType    // of typeEnum
	decimal  *decimalType // of typeDecimal
	branches []avroType   // of typeUnion: all but null, no two of which a row spells alike

	branch []byte // Avro bytes before a value: its branch in the union, empty outside one
	null   []byte // Avro bytes of null, nil where the type is not nullable

	privacy privacy // of a string; of strings in an array or a map each of them has it
	private bool    // something is marked in it, here or deeper

	// fatal says that a value which does not fit rejects the row: no record that could become
	// null instead stands between it and the row, or the collection whose element it is in.
	fatal bool

	name string // what rejects and drift say that they expected
}

type enumType struct {
	symbols  map[string]int
	names    [][]byte // of the symbols, in order
	fallback int      // what an unknown symbol becomes, -1 where it does not fit
}

type decimalType struct {
	precision, scale int
	width            int // bytes that hold any value
	size             int // of a fixed; 0 for bytes
}

// String is what rejects and drift say that they expected.
func (t *avroType) String() string { return t.name }

// spells says whether a row spells a value of the type so, without coercion.
func (t *avroType) spells(token conv.Kind) bool {
	return token == t.spelled || t.kind == typeBoolean && token == conv.False
}

// avroName is the type's name in errors about the schema, which tell a record from a map.
func (t *avroType) avroName() string {
	if t.kind.nested() {
		return kinds[t.kind].base
	}
	return t.name
}
