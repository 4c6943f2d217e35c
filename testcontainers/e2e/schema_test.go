package e2e

import (
	"testing"

	"github.com/twmb/franz-go/pkg/sr"

	"convstream/testcontainers"
	"convstream/testcontainers/internal/truth"
)

// newestContract reads the newest schema of a topic's values from the registry: the contract that it was made of.
func newestContract(t *testing.T, env *testcontainers.Env, topic string) *truth.Schema {
	t.Helper()
	registry, err := sr.NewClient(sr.URLs(env.RegistryURL))
	if err != nil {
		t.Fatal(err)
	}
	newest, err := registry.SchemaByVersion(t.Context(), topic+"-value", -1)
	if err != nil {
		t.Fatal(err)
	}
	contract, err := truth.Parse(newest.Schema.Schema)
	if err != nil {
		t.Fatal(err)
	}
	return contract
}
