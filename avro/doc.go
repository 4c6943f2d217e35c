// Package avro turns conversation rows into Avro, as a contract says.
//
// A [Contract] is one Avro schema file whose fields also say where their value comes from, how
// strict they are, and what is private:
//
//	source    dotted path of the value, such as "metrics.queuetime.ms"; the Avro name where it is
//	          left out. Inside a record it starts from the object that the record is read from
//	required  true: a row that lacks the value, or holds null or another type, is rejected
//	identity  true: the value is part of the row's own id, and so of the dedupe key; only on
//	          scalar fields of the row itself
//	optional  true: the platform leaves the key out where it does not apply, so that its
//	          absence is no drift
//	privacy   "hash", "mask" or "drop": the value is of a person
//
// The properties stay in the schema that is registered, so that a consumer sees where each
// field comes from. So do properties of types that only consumers read; one that is nearly
// spelled as a property that is read here is refused. Types are the scalars listed below,
// records, arrays and maps of any of them, and unions. A default is spelled as Avro demands, by
// the names of fields, the first types of unions and the bytes of decimals, and is published as
// it stands, also where the field is private. A record, an enum or a fixed that was defined can
// be named again by later fields, but a record cannot hold itself. At most 32 records, arrays and
// maps stand inside one another.
//
// # How a value becomes a field
//
// A source is found under a literal key with dots and under nested objects, in any mixture. A
// record is read from an object alone: keys with dots around it are none. As in encoding/json
// the last of equal keys wins, with all it holds; of several spellings of one source the last
// in the object wins. A value is coerced where nothing is lost:
//
//	string            a string; a number or boolean as its canonical text
//	long, int         a number without fraction in range, however spelled (5, 5.0, 5e0);
//	                  a string that holds exactly such a number
//	double, float     the nearest value to a number in range; a string that holds exactly a number
//	boolean           true and false; the strings "true" and "false"
//	decimal           bytes or fixed with a precision and a scale: a number, or a string that
//	                  holds exactly one, which needs no more digits than these
//	timestamp-millis  an ISO 8601 string of a date and a time; without an offset it is UTC, and
//	                  digits that are too fine are cut towards the past
//	timestamp-micros  the same
//	local-timestamp-millis, local-timestamp-micros
//	                  the same, but without an offset: with one it would tell of another time
//	date              an ISO 8601 string of a date
//	time-millis, time-micros
//	                  an ISO 8601 string of a time without an offset
//	uuid              a string of the form of RFC 4122, published as it is spelled
//	enum              a string that is one of the symbols; where the enum has a default, any
//	                  other string becomes that
//	record            an object
//	array             an array; its elements in order
//	map               an object; its keys as they are, written sorted by their bytes
//
// A number without fraction is taken for an instant, a date or a time too: it counts in the
// type's own unit, milliseconds for timestamp-millis, microseconds for timestamp-micros, days
// for a date. What [conv.ParseTimestamp] reads is ISO 8601 here.
//
// Any other value does not fit. It becomes null where the field is nullable and not required;
// otherwise the row is rejected. A scalar or an array where the source goes through an object
// counts as such a value. An absent value becomes the default, or null where there is none.
// An explicit null becomes null, or the default where the field is not nullable.
//
// A union can have several types beside null if JSON spells each in its own way: no more than
// one of those that are spelled as strings (string, uuid, enum, and all times), one number, a
// boolean, an array, and a record or a map. A value takes the type that it is spelled as. If
// that is not among them, or does not take it, the first scalar that takes it without loss does.
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
// # Drift
//
// Encode reports where a row departs from the contract though it can be published, and beside
// its reject where it cannot. A row shows each deviation of a field once:
//
//	missing       a key is absent that the contract neither requires nor calls optional; below
//	              an absent or null object each such key. Of a record that is absent, the record
//	              and not its fields. An explicit null is a plain value
//	unknown       a key that no field leads to, in each object that a record is read from: not in
//	              maps, and not below another unknown key; of a row no more than a hundred
//	retyped       JSON spells the value as another type than the contract's, whether it is
//	              coerced, becomes null or rejects the row; or the value does not fit for another
//	              reason, as 5.5 as a long; or the enum lacks the symbol. Where something else
//	              stands than an object, each field below it
//	zone_missing  a timestamp names no offset, and is taken as UTC
//
// A deviation names its field by the sources on the way to it, without indexes and keys of maps:
// participants.sessions.ani. An unknown key stands behind the path of its object, cut to 64 bytes.
// What was expected and found are names of types. Of keys that come twice the last counts.
//
// # Private values
//
// A field marked "mask" is published as "***", and an empty text as one. The mask is always the
// same, and so tells neither how long a text was nor that two are alike: names and numbers are
// few enough to be found by trying them. A field marked "hash" is published as hmac-sha256: and
// the HMAC-SHA-256 of its text in hexadecimal digits, with the key of [Contract.WithKey]: equal
// texts stay equal, so that rows can still be joined, and nobody without the key can try texts.
// Both are for strings, and for arrays and maps of strings, whose elements and values they
// replace; a number or a boolean is replaced as its canonical text. A field marked "drop" is
// published as if the row lacked it, and can be of any type, but not required.
//
// Choose mask where a consumer only has to see that there is a value, hash where it has to count
// or join persons, and drop where it needs neither. The default contract of dialect jobs masks
// names, addresses, telephone numbers and free text, which its consumers rarely need. Attributes
// are as the flows set them, and public: mark the field, or contract single ones, where they
// hold more. A contract of one's own can leave out each of these marks.
//
// A mark stands for all that is read from its source: no other field can read the same source,
// a part of it or what is around it, unless it is marked alike. The row's own id cannot be
// private, nor can what convstream itself reads of a row: the conversation's id and its time.
//
// [Redactor] replaces the same values in the JSON of a row. Of a row that comes redacted, a text
// that stands for another is not hashed again; any other text is replaced all the same, as its
// field may have been marked later. A field marked "mask" is published as "***" whatever stands
// there: what another contract hashed is masked.
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
//	byte    tag: 's' string, uuid and enum, 'n' number, 'b' boolean, 't' timestamp,
//	        'l' local timestamp, 'd' date, 'c' time, 'r' record, 'a' array, 'm' map, 'z' null;
//	        of a union that of the type taken, but it is sorted as 'u'
//	uint32  length of the value, big-endian
//	bytes   value
//
// The value is the one published, of a private field too. A scalar is text: a string's own
// UTF-8, a symbol; a number in its canonical text; true or false; a timestamp's epoch
// milliseconds, or a time's since midnight, as such a number; a date's days since 1970. The
// others hold entries of the same form, back to back:
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
