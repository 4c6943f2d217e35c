package pipeline

import "sync"

// signal wakes all who wait for something to happen. The zero value is ready.
type signal struct {
	mu sync.Mutex
	c  chan struct{}
}

// next is closed when fire is called the next time.
func (s *signal) next() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.c == nil {
		s.c = make(chan struct{})
	}
	return s.c
}

func (s *signal) fire() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.c != nil {
		close(s.c)
		s.c = nil
	}
}
