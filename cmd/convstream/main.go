// Command convstream streams Genesys Cloud conversations into Kafka exactly once.
package main

import (
	"os"

	"convstream/internal/app"
)

func main() {
	os.Exit(app.Main(os.Args[1:], os.Environ(), os.Stdout, os.Stderr))
}
