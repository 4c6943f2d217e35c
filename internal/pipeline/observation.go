package pipeline

import (
	"sync"

	"convstream/internal/conv"
)

// observations hands out the numbers that order what jobs saw. They are the platform's time
// in seconds; but answers come from many machines, whose clocks differ, so a number is raised
// above every one that was given before. Otherwise a later job's content could pass for an
// older snapshot, and be dropped.
type observations struct {
	mu   sync.Mutex
	last uint32
}

func (o *observations) saw(n uint32) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.last = max(o.last, n)
}

func (o *observations) next(job conv.Job) uint32 {
	o.mu.Lock()
	defer o.mu.Unlock()
	if job.Observation > 0 {
		return job.Observation // it is read once more, and has seen what it saw
	}
	o.last = max(o.last+1, uint32(job.PlatformTime/1000))
	return o.last
}
