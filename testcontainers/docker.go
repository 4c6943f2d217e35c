package testcontainers

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"strings"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	docker "github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/wait"

	"convstream/testcontainers/apache"
)

const (
	dockerKafkaVersion    = "4.4.0"
	dockerKafkaImage      = "apache/kafka:" + dockerKafkaVersion
	dockerRegistryImage   = "apicurio/apicurio-registry:3.3.3"
	dockerStartWithin     = 3 * time.Minute
	dockerRegistryPort    = "8080/tcp"
	dockerControllerPort  = "19093"
	dockerClusterIDSample = "Y29udnN0cmVhbS10ZXN0cw" // any 16 bytes will do: the data is thrown away
)

// startDocker runs the official image. One node only: it does not hand out its nodes for killing, and the process kind
// does all of it.
func startDocker(ctx context.Context, s spec) (*broker, error) {
	if s.nodes > 1 || s.txnVersion != 2 {
		return nil, unavailable("docker: only one node with transaction.version 2")
	}
	if err := dockerHealth(ctx); err != nil {
		return nil, unavailable("docker: %w", err)
	}
	// A broker tells its clients where to connect, so the port has to be known, and equal inside and outside, before
	// the container exists.
	address, release, err := apache.FreeAddr()
	if err != nil {
		return nil, err
	}
	defer release()
	_, port, _ := strings.Cut(address, ":")
	c, err := docker.Run(ctx, dockerKafkaImage,
		docker.WithEnv(dockerEnv(port, s.config)),
		docker.WithExposedPorts(port+"/tcp"),
		docker.WithHostConfigModifier(publish(port)),
		docker.WithWaitStrategyAndDeadline(dockerStartWithin, wait.ForLog("Kafka Server started")))
	if err != nil {
		return nil, fmt.Errorf("run %s: %w", dockerKafkaImage, err)
	}
	return &broker{
		kind: Docker, version: dockerKafkaVersion, addrs: []string{address},
		stop: func(bool) { _ = docker.TerminateContainer(c) },
	}, nil
}

func dockerHealth(ctx context.Context) error {
	provider, err := docker.NewDockerProvider()
	if err != nil {
		return err
	}
	defer provider.Close()
	return provider.Health(ctx)
}

// dockerEnv spells properties as the image wants them: KAFKA_, upper case, dots as underscores. Setting any replaces
// all of the image's own.
func dockerEnv(port string, config map[string]string) map[string]string {
	props := apache.Defaults(1)
	maps.Copy(props, map[string]string{
		"process.roles":                  "broker,controller",
		"node.id":                        "1",
		"controller.quorum.voters":       "1@localhost:" + dockerControllerPort,
		"listeners":                      "PLAINTEXT://:" + port + ",CONTROLLER://:" + dockerControllerPort,
		"advertised.listeners":           "PLAINTEXT://127.0.0.1:" + port,
		"inter.broker.listener.name":     "PLAINTEXT",
		"controller.listener.names":      "CONTROLLER",
		"listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
	})
	maps.Copy(props, config)
	env := map[string]string{"CLUSTER_ID": dockerClusterIDSample}
	spell := strings.NewReplacer(".", "_", "_", "__", "-", "___")
	for k, v := range props {
		env["KAFKA_"+strings.ToUpper(spell.Replace(k))] = v
	}
	return env
}

// publish binds a container's port to the same port of the host's loopback address.
func publish(port string) func(*container.HostConfig) {
	return func(host *container.HostConfig) {
		host.PortBindings = network.PortMap{
			network.MustParsePort(port + "/tcp"): {{HostIP: netip.MustParseAddr("127.0.0.1"), HostPort: port}},
		}
	}
}

func startDockerRegistry(ctx context.Context) (*registry, error) {
	c, err := docker.Run(ctx, dockerRegistryImage,
		docker.WithExposedPorts(dockerRegistryPort),
		docker.WithWaitStrategyAndDeadline(dockerStartWithin, wait.ForHTTP("/apis/ccompat/v7/subjects").WithPort(dockerRegistryPort)))
	if err != nil {
		return nil, fmt.Errorf("run %s: %w", dockerRegistryImage, err)
	}
	endpoint, err := c.PortEndpoint(ctx, dockerRegistryPort, "http")
	if err != nil {
		_ = docker.TerminateContainer(c)
		return nil, err
	}
	return &registry{url: endpoint + "/apis/ccompat/v7", real: true, stop: func(bool) { _ = docker.TerminateContainer(c) }}, nil
}
