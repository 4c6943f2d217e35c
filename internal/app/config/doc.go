// Package config reads convstream's configuration: a YAML file, then CONVSTREAM_…
// environment variables, then command-line flags, each over the one before. The same holds
// between keys that stand for each other: a region and addresses, a secret and its file.
//
// A configuration is either whole and checked, or [Load] fails with every problem it has at
// once. A problem says where the value stands, which key it belongs to, what is wrong with
// it and what would be right. Secrets stand in no problem and no warning.
package config
