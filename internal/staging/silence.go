package staging

import (
	"context"
	"fmt"
	"time"
)

// silence is how long a call of the storage may bring nothing. The clients of the storages set no
// such bound: one that takes a connection and never answers would be waited for without end. A part
// of an upload has to get through in that time, on a slow line and beside those of other windows.
const silence = 5 * time.Minute

var errSilent = fmt.Errorf("nothing came from the storage for %s", silence)

// watch ends a call of the storage that brings nothing.
type watch struct {
	ctx    context.Context // of the call
	cancel context.CancelCauseFunc
	timer  *time.Timer
}

func watching(ctx context.Context) *watch {
	ctx, cancel := context.WithCancelCause(ctx)
	return &watch{ctx, cancel, time.AfterFunc(silence, func() { cancel(errSilent) })}
}

// pause says that the storage waits, and resume that it is waited for.
func (w *watch) pause() { w.timer.Stop() }

func (w *watch) resume() { w.timer.Reset(silence) }

// end ends the call, if it is not over.
func (w *watch) end() {
	w.timer.Stop()
	w.cancel(nil)
}

// told is an error of the call: where silence ended it, that.
func (w *watch) told(err error) error {
	if err != nil && context.Cause(w.ctx) == errSilent {
		return errSilent
	}
	return err
}

// answered makes a call that has one answer.
func answered[T any](ctx context.Context, call func(context.Context) (T, error)) (T, error) {
	w := watching(ctx)
	defer w.end()
	v, err := call(w.ctx)
	return v, w.told(err)
}
