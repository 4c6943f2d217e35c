package apache

import (
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// node is one Kafka process: broker and controller in one.
type node struct {
	id                 int
	dir                string
	client, controller port
	process            *process // nil until first run
}

func (n *node) configFile() string { return filepath.Join(n.dir, "server.properties") }
func (n *node) logFile() string    { return filepath.Join(n.dir, "server.log") }

func (n *node) release() {
	for _, p := range []port{n.client, n.controller} {
		if p.hold != nil {
			p.hold.Close()
		}
	}
}

// layOut gives every node its ports and writes its configuration.
func (c *Cluster) layOut(cfg Config) error {
	var voters []string
	for id := 1; id <= max(1, cfg.Nodes); id++ {
		n := &node{id: id, dir: filepath.Join(c.Dir, fmt.Sprintf("node-%d", id))}
		c.nodes = append(c.nodes, n)
		if err := n.takePorts(cfg.Port); err != nil {
			return err
		}
		voters = append(voters, fmt.Sprintf("%d@%s", n.id, n.controller.addr()))
	}
	for _, n := range c.nodes {
		props := Defaults(len(c.nodes))
		maps.Copy(props, n.identity(strings.Join(voters, ",")))
		maps.Copy(props, cfg.Broker)
		if err := n.writeConfig(props); err != nil {
			return err
		}
	}
	return nil
}

func (n *node) takePorts(first int) (err error) {
	if n.controller, err = reservePort(); err != nil {
		return err
	}
	if first == 0 {
		n.client, err = reservePort()
		return err
	}
	want := first + n.id - 1
	taken, ok := tryPort(want)
	if !ok {
		return fmt.Errorf("port %d of 127.0.0.1 is in use", want)
	}
	n.client = taken
	return nil
}

// Defaults are the broker properties for a small machine and for tests: internal topics that fit the number of nodes,
// quick failover, and no silent help (topics are not created by asking for them).
func Defaults(nodes int) map[string]string {
	replicas, inSync := "1", "1"
	if nodes >= 3 {
		replicas, inSync = "3", "2"
	}
	return map[string]string{
		"auto.create.topics.enable":                                   "false",
		"default.replication.factor":                                  replicas,
		"min.insync.replicas":                                         inSync,
		"offsets.topic.replication.factor":                            replicas,
		"offsets.topic.num.partitions":                                "1",
		"transaction.state.log.replication.factor":                    replicas,
		"transaction.state.log.min.isr":                               inSync,
		"transaction.state.log.num.partitions":                        strconv.Itoa(nodes),
		"share.coordinator.state.topic.replication.factor":            replicas,
		"share.coordinator.state.topic.min.isr":                       inSync,
		"share.coordinator.state.topic.num.partitions":                "1",
		"group.initial.rebalance.delay.ms":                            "0",
		"transaction.abort.timed.out.transaction.cleanup.interval.ms": "1000",
		"broker.session.timeout.ms":                                   "6000",
		"broker.heartbeat.interval.ms":                                "500",
		"replica.lag.time.max.ms":                                     "6000",
		"log.cleaner.backoff.ms":                                      "500",
		"log.cleaner.dedupe.buffer.size":                              "16777216",
	}
}

func (n *node) identity(voters string) map[string]string {
	return map[string]string{
		"process.roles":                  "broker,controller",
		"node.id":                        strconv.Itoa(n.id),
		"controller.quorum.voters":       voters,
		"listeners":                      "PLAINTEXT://" + n.client.addr() + ",CONTROLLER://" + n.controller.addr(),
		"advertised.listeners":           "PLAINTEXT://" + n.client.addr(),
		"inter.broker.listener.name":     "PLAINTEXT",
		"controller.listener.names":      "CONTROLLER",
		"listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
		"log.dirs":                       filepath.Join(n.dir, "data"),
	}
}

func (n *node) writeConfig(props map[string]string) error {
	if err := os.MkdirAll(n.dir, 0o755); err != nil {
		return err
	}
	var b strings.Builder
	for _, key := range slices.Sorted(maps.Keys(props)) {
		fmt.Fprintf(&b, "%s=%s\n", key, strings.ReplaceAll(props[key], `\`, `\\`))
	}
	return os.WriteFile(n.configFile(), []byte(b.String()), 0o644)
}

// format prepares an empty data folder; one that is formatted is left as it is.
func (c *Cluster) format(ctx context.Context, n *node, transactionVersion int) error {
	args := []string{
		"-XX:TieredStopAtLevel=1", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", c.jars.classPath(),
		"kafka.tools.StorageTool", "format", "--ignore-formatted", "-t", c.ID, "-c", n.configFile(),
	}
	if transactionVersion != 0 {
		args = append(args, "--feature", fmt.Sprintf("transaction.version=%d", transactionVersion))
	}
	if out, err := exec.CommandContext(ctx, c.java, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("format node %d: %w: %s", n.id, err, out)
	}
	return nil
}

// run starts the node's process.
func (c *Cluster) run(n *node) (err error) {
	n.process, err = startProcess(n.logFile(), c.java,
		"-Xms128m", "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
		"-Dorg.slf4j.simpleLogger.showDateTime=true", "-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS",
		// Every start would print two thousand lines of configuration.
		"-Dorg.slf4j.simpleLogger.log.org.apache.kafka.common.config.AbstractConfig=warn",
		"-cp", c.jars.classPath(), "kafka.Kafka", n.configFile())
	return err
}
