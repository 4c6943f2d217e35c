// Package route decides which rows a derived route gets, and under which record key, by
// expressions over the fields of a row.
//
// The language is the one of expr-lang.org, cut down to what depends on the row alone and ends
// soon: fields, literals, comparisons, in, and, or, not, arithmetic, ?:, ??, the text operators
// contains, startsWith, endsWith and matches, the predicates all, any, none, one, filter, map,
// find and count, and the functions len, lower, upper, trim, number and string.
//
// # Fields
//
// A field is named by its source path, as contracts name it: interaction.type. It is found
// under a literal key with dots and under nested objects, in any mixture. As in a contract, the
// last of equal keys wins with all it holds, and of several spellings the last in the object.
// participants[0].purpose is an element of an array, [-1] the last one, and inside a predicate
// .purpose is a field of the element. A key that is no name is written in quotes:
// attributes["case-priority"].
//
// # What a row lacks
//
// A field that is absent, null, or below something that is no object is nil. It flows through an
// expression as NULL does through SQL, so that no row fails a route for what it lacks: nil equals
// nil only, an order or a text operator with nil on a side is false, arithmetic with nil is nil,
// an absent array has no elements, and where true or false is asked for nil is false.
//
// # What has another type
//
// Values are compared as a contract would coerce them, so that a field that changes its type in
// the middle of a window does not change its route: a number and a string that holds exactly a
// number compare as numbers, a boolean and the strings true and false as booleans. Other values
// of different types are not equal. Where an operator has no meaning for a value, as < for a
// boolean, the row fails the route, and the error says so without naming the value.
//
// Arithmetic takes numbers in the same spellings, strings that hold one among them; two strings
// are joined by +. Whole numbers in the range of 64 bits are exact. All others are float64, also
// results beyond that range.
//
// # How long it may take
//
// An evaluation that has not ended after maxSteps fails the route for the row. The steps depend
// on the row and the expression alone.
package route
