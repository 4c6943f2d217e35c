// Command kafka runs a real Apache Kafka, and a schema registry if asked, on this machine for a person to try things
// with. It fetches both on first use and stops them on Ctrl-C.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"convstream/testcontainers/apache"
)

const registryPort = 8081

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "kafka:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("kafka", flag.ExitOnError)
	nodes := flags.Int("nodes", 1, "number of nodes: 1 or 3")
	port := flags.Int("port", 9092, "port of the first node; the others follow")
	dir := flags.String("dir", "", "folder that keeps the data; empty: thrown away at the end")
	withRegistry := flags.Bool("registry", false, fmt.Sprintf("serve a schema registry on port %d", registryPort))
	flags.Parse(args)

	cluster, err := apache.Start(ctx, apache.Config{Nodes: *nodes, Port: *port, Dir: *dir})
	if err != nil {
		return err
	}
	defer cluster.Close(false)
	line := fmt.Sprintf("Apache Kafka %s ready: bootstrap.servers=%s", cluster.Version, strings.Join(cluster.Brokers(), ","))
	if *withRegistry {
		registry, err := apache.StartRegistry(ctx, registryPort)
		if err != nil {
			return err
		}
		defer registry.Close(false)
		line += " schema.registry.url=" + registry.URL
	}
	fmt.Println(line)
	<-ctx.Done()
	cluster.Shutdown(20 * time.Second)
	return nil
}
