package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"convstream/internal/simulator"
)

// What docs/routes.md says of new routes: the rows of before come by another pipeline, whose
// topics are all its own.
func TestANewRouteIsFilledByAnotherPipelineWithTopicsOfItsOwn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, scene{Platform: simulator.Config{Rows: 400}})
	w.backfill().must(t, 0)
	text, err := os.ReadFile(w.config)
	if err != nil {
		t.Fatal(err)
	}
	w.write(filepath.Join(w.dir, "chat.avsc"), chatContract)
	route := `routes: [{name: chat, topic: %s, contract: chat.avsc, filter: 'interaction.type == "chat" and attributes.custom.case_priority != nil'}]`
	w.configure(strings.Replace(route, "%s", "genesys.chat", 1))
	w.backfill().must(t, 0)
	if n := len(w.consume("genesys.chat")); n != 0 {
		t.Errorf("the new route has %d rows that were published before it", n)
	}

	var want int
	for _, row := range w.truth() {
		if row.Type == "chat" && row.Priority != "" {
			want++
		}
	}
	fill := strings.Replace(string(text), "pipeline: p\n", "pipeline: p-chat\n", 1)
	fill = strings.Replace(fill, "kafka: {", "kafka: {topics: {conversations: fill.conversations, speech: \"\", dlq: fill.dlq, events: fill.events, checkpoints: fill.checkpoints}, ", 1)
	live := w.config
	w.config = filepath.Join(w.dir, "fill.yaml")
	w.write(w.config, fill+strings.Replace(route, "%s", "genesys.chat.before", 1)+"\n")
	w.backfill().must(t, 0)
	w.run(nil, append([]string{"verify"}, interval...)...).must(t, 0)
	if n := len(w.consume("genesys.chat.before")); n != want || n < 20 {
		t.Errorf("it was filled with %d rows, want %d", n, want)
	}
	w.config = live
	w.run(nil, append([]string{"verify"}, interval...)...).must(t, 0)
}
