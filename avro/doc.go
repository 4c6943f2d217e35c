// Package avro turns conversation rows into Avro, as a contract says.
//
// A [Contract] is one Avro schema file whose fields also say where their value comes from
// and how strict they are:
//
//	source    dotted path of the value in a row, such as "metrics.queuetime.ms" (needed)
//	required  true: a row that lacks the value, or holds null or another type, is rejected
//	identity  true: the value is part of the row's own id, and so of the dedupe key
//
// The properties stay in the schema that is registered, so that a consumer sees where each
// field comes from.
//
// # How a value becomes a field
//
// A source is found under a literal key with dots and under nested objects, in any mixture.
// As in encoding/json the last of equal keys wins, with all it holds; of several spellings
// of one source the last in the row wins. A value is coerced where nothing is lost:
//
//	string            a string; a number or boolean as its canonical text
//	long, int         a number without fraction in range, however spelled (5, 5.0, 5e0);
//	                  a string that holds exactly such a number
//	double, float     the nearest value to a number in range; a string that holds exactly a number
//	boolean           true and false; the strings "true" and "false"
//	timestamp-millis  an ISO 8601 string; a number without fraction, as epoch milliseconds
//
// Any other value becomes null where the field is nullable and not required; otherwise the
// row is rejected. A scalar or an array where the source goes through an object counts as
// such a value. An absent value becomes the default, or null where there is none. An
// explicit null becomes null, or the default where the field is not nullable.
//
// # What the fingerprint hashes
//
// [conv.Facts] carry the fingerprint of the row's content. It is [conv.Hash64] over one
// entry for each field that has a value, sorted by source path, then tag:
//
//	uint32  length of the source path, big-endian
//	bytes   source path
//	byte    tag: 's' string, 'n' number, 'b' boolean, 't' timestamp-millis, 'z' null
//	uint32  length of the value, big-endian
//	bytes   value
//
// The value is the one published, as text: a string's own UTF-8; a number in its canonical
// text; true or false; a timestamp's epoch milliseconds in decimal. So neither key order nor
// white space, escapes, 5 or 5.0, or the offset of a timestamp change a fingerprint. A field
// that a row lacks has no entry, so a field added to the contract changes nothing for such
// rows. A null has an entry, 'z' with an empty value, only where an absent value would have
// been published as something else: equal fingerprints mean equal records.
//
// The identity is the same hash over the entries of the identity fields alone.
//
// The canonical text of a number depends on its exact decimal value and on nothing else:
// plain notation from 1e-6 up to 1e21, scientific outside, as JavaScript prints numbers. No
// digit is rounded off, so different numbers have different texts.
package avro
