package apache

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"convstream/testcontainers/internal/fetch"
)

// Config says what cluster to start. The zero value is one node on a free port with throw-away data.
type Config struct {
	Nodes              int               // combined broker and controller each; 0: 1
	TransactionVersion int               // 0: the newest; 1: the protocol before KIP-890 part 2
	Broker             map[string]string // properties over the defaults of this package
	Port               int               // of the first node, the next ones follow; 0: free ports
	Dir                string            // keeps data and logs, also over restarts; "": a temporary folder
}

// Cluster is a running Kafka cluster.
type Cluster struct {
	Version string // of the broker jars
	ID      string // cluster id
	Dir     string // data, configuration and logs of all nodes
	java    string
	jars    jars
	nodes   []*node
	scratch bool // Dir is ours to remove
}

// Start fetches the jars if need be, starts the nodes and returns when every one of them serves transactions.
func Start(ctx context.Context, cfg Config) (*Cluster, error) {
	java, err := fetch.Java(ctx, 17)
	if err != nil {
		return nil, err
	}
	jars, err := findJars(ctx)
	if err != nil {
		return nil, err
	}
	c := &Cluster{Version: jars.version, Dir: cfg.Dir, java: java, jars: jars}
	if c.Dir, err = dataDir(cfg.Dir); err != nil {
		return nil, err
	}
	c.scratch = cfg.Dir == ""
	if err := c.start(ctx, cfg); err != nil {
		err = fmt.Errorf("start Kafka %s: %w%s", c.Version, err, c.Logs())
		c.Close(false)
		return nil, err
	}
	return c, nil
}

func dataDir(dir string) (string, error) {
	if dir == "" {
		return os.MkdirTemp("", "convstream-kafka-")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	return dir, os.MkdirAll(dir, 0o755)
}

func (c *Cluster) start(ctx context.Context, cfg Config) (err error) {
	if c.ID, err = clusterID(c.Dir); err != nil {
		return err
	}
	if err := c.layOut(cfg); err != nil {
		return err
	}
	boot, booting := errgroup.WithContext(ctx)
	for _, n := range c.nodes {
		boot.Go(func() error {
			if err := c.format(booting, n, cfg.TransactionVersion); err != nil {
				return err
			}
			return c.run(n)
		})
	}
	if err := boot.Wait(); err != nil {
		return err
	}
	return c.awaitReady(ctx)
}

// clusterID returns the id that dir was formatted with, or a new one.
func clusterID(dir string) (string, error) {
	file := filepath.Join(dir, "cluster.id")
	if b, err := os.ReadFile(file); err == nil || !errors.Is(err, os.ErrNotExist) {
		return strings.TrimSpace(string(b)), err
	}
	var raw [16]byte
	rand.Read(raw[:])
	raw[0] &= 0x7f // Kafka refuses an id that starts with a dash, which is base64 for 62
	id := base64.RawURLEncoding.EncodeToString(raw[:])
	return id, os.WriteFile(file, []byte(id+"\n"), 0o644)
}

// Brokers returns the bootstrap addresses, in the order of the node ids, which start at 1.
func (c *Cluster) Brokers() []string {
	addrs := make([]string, len(c.nodes))
	for i, n := range c.nodes {
		addrs[i] = n.client.addr()
	}
	return addrs
}

// Kill ends a node with SIGKILL: nothing is flushed, nobody is told.
func (c *Cluster) Kill(id int) error {
	n, err := c.node(id)
	if err != nil {
		return err
	}
	n.process.kill()
	return nil
}

// Restart starts a killed node again and returns when it is back in every in-sync replica set.
func (c *Cluster) Restart(ctx context.Context, id int) error {
	n, err := c.node(id)
	if err != nil {
		return err
	}
	if n.process.running() {
		return fmt.Errorf("restart node %d: it is running", id)
	}
	if err := c.run(n); err != nil {
		return err
	}
	if err := c.awaitReady(ctx); err != nil {
		return err
	}
	return c.awaitInSync(ctx, int32(id))
}

func (c *Cluster) node(id int) (*node, error) {
	if id < 1 || id > len(c.nodes) {
		return nil, fmt.Errorf("no node %d: ids are 1 to %d", id, len(c.nodes))
	}
	return c.nodes[id-1], nil
}

// Pids returns the process ids of the nodes that run.
func (c *Cluster) Pids() []int {
	var pids []int
	for _, n := range c.nodes {
		if n.process != nil && n.process.running() {
			pids = append(pids, n.process.cmd.Process.Pid)
		}
	}
	return pids
}

// Logs returns the last lines that each node wrote.
func (c *Cluster) Logs() string {
	var b strings.Builder
	for _, n := range c.nodes {
		if n.process != nil {
			fmt.Fprintf(&b, "\n--- node %d, end of %s\n%s", n.id, n.logFile(), tail(n.logFile(), 25))
		}
	}
	return b.String()
}

// Shutdown ends the nodes in order, as an operator would; one that takes longer than grace is killed.
func (c *Cluster) Shutdown(grace time.Duration) {
	var all errgroup.Group
	for _, n := range c.nodes {
		if n.process != nil {
			all.Go(func() error { n.process.stop(grace); return nil })
		}
	}
	_ = all.Wait()
	c.Close(true)
}

// Close kills what still runs and, unless keep is set, removes the temporary folder.
func (c *Cluster) Close(keep bool) {
	for _, n := range c.nodes {
		if n.process != nil {
			n.process.kill()
		}
		n.release()
	}
	if c.scratch && !keep {
		os.RemoveAll(c.Dir)
	}
}
