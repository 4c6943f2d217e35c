package producer

import (
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
)

// OwnedError says that another run owns the pipeline: it holds the newest claim, and either
// is alive or has fenced this one. Whoever gets it stops and does not fence back.
type OwnedError struct {
	Claim  Claim
	Age    time.Duration // since the owner's last heartbeat
	Fenced bool          // this run was the owner, and the other took over
}

func (e *OwnedError) Error() string {
	c := e.Claim
	if e.Fenced {
		return fmt.Sprintf("run %s (host %s, pid %d) has taken pipeline %s/%s over; this run stops and leaves it to that one",
			c.Run, c.Host.Name, c.Host.PID, c.Pipeline, c.Org)
	}
	return fmt.Sprintf("pipeline %s/%s is owned by run %s (host %s, pid %d, last heartbeat %s ago); "+
		"wait for it, stop it, or fence it with --take-over",
		c.Pipeline, c.Org, c.Run, c.Host.Name, c.Host.PID, e.Age.Round(time.Second))
}

// CommitError says that a transaction failed. Its outcome is unknown: the ledger decides,
// through Recover.
type CommitError struct {
	Step string
	Err  error
}

func (e *CommitError) Error() string { return fmt.Sprintf("commit batch: %s: %v", e.Step, e.Err) }

func (e *CommitError) Unwrap() error { return e.Err }

// Permanent says whether the broker refused the batch for a reason that trying again does
// not mend, as far as the error can tell. Errors of fencing and of lost transactions are
// not permanent: recovery mends them, or ends in an OwnedError.
func (e *CommitError) Permanent() bool {
	var ke *kerr.Error
	if !errors.As(e.Err, &ke) || ke.Retriable {
		return false
	}
	switch ke {
	case kerr.InvalidProducerEpoch, kerr.ProducerFenced, kerr.InvalidTxnState, kerr.InvalidProducerIDMapping,
		kerr.UnknownProducerID, kerr.OperationNotAttempted, kerr.OutOfOrderSequenceNumber,
		kerr.TransactionAbortable, kerr.TransactionCoordinatorFenced, kerr.UnknownServerError:
		return false
	}
	return true
}

// Fenced says that another producer has taken the transactional id, or that the broker has ended
// the transaction. Whoever took it writes its claim next.
func (e *CommitError) Fenced() bool {
	return errors.Is(e.Err, kerr.InvalidProducerEpoch) || errors.Is(e.Err, kerr.ProducerFenced)
}

// MismatchError says that Kafka is not the Kafka that the ledger speaks of: another
// cluster, or a topic that was deleted and made again.
type MismatchError struct {
	What  string // cluster, or the topic's name
	Known string
	Found string
}

func (e *MismatchError) Error() string {
	if e.What == "cluster" {
		return fmt.Sprintf("the ledger was written on cluster %s, but kafka.brokers leads to cluster %s; "+
			"point kafka.brokers at the right cluster, or start under another pipeline name", e.Known, e.Found)
	}
	return fmt.Sprintf("topic %s was deleted and made again since the ledger was written (it was %s and is %s), so the "+
		"ledger and the topics no longer tell the same story; restore the topic, or start under another pipeline name and with another row topic; "+
		"where it is that of a derived route, another topic for the route is enough", e.What, e.Known, e.Found)
}

// Final says that no recovery mends the error.
func (e *OwnedError) Final() bool { return true }

// Final says that no recovery mends the error.
func (e *MismatchError) Final() bool { return true }
