package pipeline

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"

	"convstream/internal/conv"
)

const (
	// censusMost bounds what is remembered of a job's rows: 64 MiB.
	censusMost = 8 << 20

	// vanishedNamed is how many vanished conversations an event names.
	vanishedNamed = 100
)

// census is the rows of a window that a job brought, to tell afterwards which of those in
// Kafka it no longer found. It is only made of a job that this process reads from its first
// row to its last.
type census struct {
	keys     []uint64 // the heads of their dedupe keys
	overflow bool
}

// newCensus makes one for a job that reads again what the ledger may know, unless rows of
// another query are among what Kafka holds: those were not asked for. Only conversations can be
// missed, because the platform names the days that they are counted in.
func (r *worker) newCensus() *census {
	again := r.cp.Attempt > 1 || r.cp.Parent != nil
	if !r.cfg.Conversations || !again || r.mixed {
		return nil
	}
	return &census{}
}

func head(k conv.Key) uint64 { return binary.BigEndian.Uint64(k[:]) }

func (c *census) add(k conv.Key) {
	if c == nil {
		return
	}
	if len(c.keys) == censusMost {
		c.compact()
	}
	if c.overflow = c.overflow || len(c.keys) == censusMost; !c.overflow {
		c.keys = append(c.keys, head(k))
	}
}

// compact sorts the keys and drops those that came twice.
func (c *census) compact() {
	slices.Sort(c.keys)
	c.keys = slices.Compact(c.keys)
}

func (c *census) has(k conv.Key) bool {
	_, found := slices.BinarySearchFunc(c.keys, head(k), cmp.Compare[uint64])
	return found
}

// findVanished finds the rows of the window that Kafka holds and its job no longer brought, such
// as those of a person who asked to be forgotten. They stay in Kafka. A job may be short of rows
// for other reasons: only the platform's count tells that they have vanished.
func (r *worker) findVanished() error {
	c := r.census
	r.census = nil
	if c == nil {
		return nil
	}
	if c.overflow {
		r.note("vanished", "", map[string]any{"reason": fmt.Sprintf("not looked for: the window holds more than %d rows; a shorter window.step has them looked for", censusMost)})
		return nil
	}
	c.compact()
	var gone []conv.Key
	err := r.overHistory(r.ctx, r.cp.Window, func() error {
		gone = gone[:0]
		return r.history.Each(r.cp.Window.From, r.cp.Window.To, func(k conv.Key, observation uint32) {
			if observation < r.cp.Job.Observation && !c.has(k) {
				gone = append(gone, k)
			}
		})
	})
	if err != nil {
		return fmt.Errorf("look for vanished rows of window %s: %w", r.cp.Window, err)
	}
	var names []string
	if r.cp.Vanished = int64(len(gone)); len(gone) > 0 {
		if names, err = r.conversations(gone); err != nil {
			return err
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.missed[r.cp.Window] = names
	return nil
}

// tellVanished notes what has vanished from a window, once the count bears it out. Where the
// platform counts some of the rows that its job did not bring, nobody knows which ones.
func (r *worker) tellVanished(surplus int64) {
	missing := r.cp.Vanished
	r.cp.Vanished = min(missing, surplus)
	if r.cp.Vanished == 0 {
		return
	}
	r.mu.Lock()
	names := r.missed[r.cp.Window]
	r.mu.Unlock()
	r.note("vanished", "", map[string]any{"job": r.cp.Job.ID, "rows": r.cp.Vanished, "among": missing, "conversations": names})
}

// conversations finds the conversation ids of rows in Kafka, of the first few.
func (r *worker) conversations(keys []conv.Key) ([]string, error) {
	wanted := make(map[conv.Key]bool, len(keys))
	for _, k := range keys {
		wanted[k] = true
	}
	var names []string
	for _, cp := range r.ledger.all() {
		s, ok := span(cp)
		if !ok || s.Max < r.cp.Window.From || s.Min >= r.cp.Window.To {
			continue
		}
		for stored, err := range r.kafka.History(r.ctx, cp.Ranges) {
			if err != nil {
				return nil, r.failed(fmt.Errorf("find vanished conversations: %w", err), "vanished")
			}
			if !wanted[stored.Key] {
				continue
			}
			delete(wanted, stored.Key)
			names = append(names, string(bytes.Clone(stored.Conversation)))
			if len(names) == vanishedNamed {
				return names, nil
			}
		}
	}
	slices.Sort(names)
	return names, nil
}
