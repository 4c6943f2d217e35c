package testcontainers_test

import (
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/sr"

	"convstream/testcontainers"
)

const (
	original     = `{"type":"record","name":"Row","fields":[{"name":"id","type":"string"}]}`
	compatible   = `{"type":"record","name":"Row","fields":[{"name":"id","type":"string"},{"name":"n","type":["null","long"],"default":null}]}`
	incompatible = `{"type":"record","name":"Row","fields":[{"name":"id","type":"long"}]}`
)

func TestRealRegistryRefusesAnIncompatibleSchema(t *testing.T) {
	env := testcontainers.RequireReal(t, testcontainers.WithRegistry())
	registry, err := sr.NewClient(sr.URLs(env.RegistryURL))
	if err != nil {
		t.Fatal(err)
	}
	ctx := within(t, time.Minute)
	subject := env.Topic(t, "registry", 1, nil) + "-value"

	first, err := registry.CreateSchema(ctx, subject, sr.Schema{Schema: original})
	if err != nil {
		t.Fatal(err)
	}
	if again, err := registry.CreateSchema(ctx, subject, sr.Schema{Schema: original}); err != nil || again.ID != first.ID {
		t.Errorf("the same schema again: id %d, %v; want id %d", again.ID, err, first.ID)
	}
	if got, err := registry.SchemaByID(ctx, first.ID); err != nil || got.Schema != original {
		t.Errorf("schema %d: %q, %v", first.ID, got.Schema, err)
	}
	for _, r := range registry.SetCompatibility(ctx, sr.SetCompatibility{Level: sr.CompatBackward}, subject) {
		if r.Err != nil {
			t.Fatal(r.Err)
		}
	}
	for schema, want := range map[string]bool{compatible: true, incompatible: false} {
		got, err := registry.CheckCompatibility(ctx, subject, -1, sr.Schema{Schema: schema})
		t.Logf("compatible %v, %v, %q", got.Is, err, got.Messages)
		if err != nil || got.Is != want {
			t.Errorf("compatibility of %s: %v, %v; want %v", schema, got.Is, err, want)
		}
	}
	_, err = registry.CreateSchema(ctx, subject, sr.Schema{Schema: incompatible})
	t.Logf("REGISTRY refuses with: %v", err)
	if err == nil {
		t.Error("an incompatible schema was registered under BACKWARD")
	}
	if second, err := registry.CreateSchema(ctx, subject, sr.Schema{Schema: compatible}); err != nil || second.Version != 2 {
		t.Errorf("a compatible schema: version %d, %v; want version 2", second.Version, err)
	}
}
