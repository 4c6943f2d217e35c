package config

import _ "embed"

//go:embed example.yaml
var example string

// Example is a commented configuration with every key there is: those with a default show
// it, and those that are optional stand behind a #.
func Example() string { return example }
