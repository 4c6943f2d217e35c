// Package avro turns conversation rows into Avro, as a contract says.
//
// A [Contract] is one Avro schema file whose fields also say where their value comes from
// and how strict they are:
//
//	source    dotted path of the value, such as "metrics.queuetime.ms"; the Avro name where it is
//	          left out. Inside a record it starts from the object that the record is read from
//	required  true: a row that lacks the value, or holds null or another type, is rejected
//	identity  true: the value is part of the row's own id, and so of the dedupe key; only on
//	          scalar fields of the row itself
//
// The properties stay in the schema that is registered, so that a consumer sees where each
// field comes from. Types are the scalars listed below, records, arrays and maps of any of
// them, and unions of null and one other type; an enum of the platform, which may grow, is a
// string. A default is a scalar, null, [] or {}. Each record is written out where it is used,
// and at most 32 records, arrays and maps stand inside one another.
//
// # How a value becomes a field
//
// A source is found under a literal key with dots and under nested objects, in any mixture.
// As in encoding/json the last of equal keys wins, with all it holds; of several spellings
// of one source the last in the object wins. A value is coerced where nothing is lost:
//
//	string            a string; a number or boolean as its canonical text
//	long, int         a number without fraction in range, however spelled (5, 5.0, 5e0);
//	                  a string that holds exactly such a number
//	double, float     the nearest value to a number in range; a string that holds exactly a number
//	boolean           true and false; the strings "true" and "false"
//	timestamp-millis  an ISO 8601 string; a number without fraction, as epoch milliseconds
//	record            an object
//	array             an array; its elements in order
//	map               an object; its keys as they are, written sorted by their bytes
//
// Any other value does not fit. It becomes null where the field is nullable and not required;
// otherwise the row is rejected. A scalar or an array where the source goes through an object
// counts as such a value. An absent value becomes the default, or null where there is none.
// An explicit null becomes null, or the default where the field is not nullable.
//
// # What does not fit inside a record, an array or a map
//
// An element of an array, or a value of a map, that does not fit becomes null where the type
// of the items is nullable. Where it is not, the row is rejected, whatever stands around the
// array or map, and null is an element that is missing: nothing is emptied or cut short for
// one element, as no consumer could tell. An array or a map that does not fit as a whole, as
// an object where an array is contracted, is a field that does not fit.
//
// A field of a record that does not fit becomes null where it can, as a field of the row does.
// Where it cannot, its record does not fit either, and so on: the nearest nullable record
// around it becomes null. The row is rejected where there is none, or where a required field
// or an element that cannot be null comes first.
//
// A required field is a promise about every object that its record is read from: if it is
// missing in one, the row is rejected, whatever stands around it. So all of a row is read,
// even what becomes null for another reason.
//
// A reject names the place by its JSON path, made of sources, indexes and keys of maps:
// participants[2].sessions[0].metrics[5].value. Of several reasons it gives the first, fields
// in contract order, elements in row order, keys of maps sorted. Keys beyond 64 bytes are cut.
//
// # What the fingerprint hashes
//
// [conv.Facts] carry the fingerprint of the row's content. It is [conv.Hash64] over one
// entry for each field that is not published as if it were absent, sorted by source path, then
// by the tag of the field's type:
//
//	uint32  length of the source path, big-endian
//	bytes   source path; behind it an asterisk for each field that stands before this one and
//	        has the same source, so that an entry is of one field
//	byte    tag: 's' string, 'n' number, 'b' boolean, 't' timestamp-millis,
//	        'r' record, 'a' array, 'm' map, 'z' null
//	uint32  length of the value, big-endian
//	bytes   value
//
// The value is the one published. A scalar is text: a string's own UTF-8; a number in its
// canonical text; true or false; a timestamp's epoch milliseconds in decimal. The others hold
// entries of the same form, back to back:
//
//	record  an entry for each of its fields that is not published as if absent, sorted as
//	        those of the row
//	array   an entry for each element, in order, that starts with the tag: it has no path
//	map     an entry for each key, sorted by its bytes, with the key in place of the path
//
// So neither key order nor white space, escapes, 5 or 5.0, or the offset of a timestamp change
// a fingerprint. A field that an object lacks has no entry, so a field added to the contract
// changes nothing for rows that lack it, however deep it stands. Nor has one whose value is
// the default, or whose null is what an absent value becomes; only a required field, which
// cannot be absent, always has one. Any other null is an entry 'z' with an empty value, as is
// each null element and each null value of a map: {"a": null} is another map than {}. Of the
// records of one contract, equal fingerprints mean equal bytes, and equal bytes mean equal
// fingerprints.
//
// The identity is the same hash over the entries of the identity fields alone.
//
// The canonical text of a number depends on its exact decimal value and on nothing else:
// plain notation from 1e-6 up to 1e21, scientific outside, as JavaScript prints numbers. No
// digit is rounded off, so different numbers have different texts.
package avro
