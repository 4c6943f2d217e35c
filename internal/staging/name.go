package staging

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"convstream/internal/conv"
)

// Config says whose pages are kept.
type Config struct {
	Org     string
	Dialect string
	Query   string // hash of the submit payload's fixed part
}

// instantLayout is how names spell an instant: InstantLayout without what file systems and
// tools trip over.
const instantLayout = "20060102T150405.000Z"

const manifestName = "job.json"

func spell(ms int64) string { return time.UnixMilli(ms).UTC().Format(instantLayout) }

// windows is the folder of all windows.
func (c Config) windows() string { return c.Org + "/" + c.Dialect + "/" }

// jobs is the folder of a window's jobs.
func (c Config) jobs(w conv.Window) string {
	return c.windows() + spell(w.From) + "_" + spell(w.To) + "/"
}

// parseWindow reads the name of a window's folder.
func parseWindow(name string) (w conv.Window, ok bool) {
	from, to, _ := strings.Cut(strings.TrimSuffix(name, "/"), "_")
	a, errA := time.Parse(instantLayout, from)
	b, errB := time.Parse(instantLayout, to)
	w = conv.Window{From: a.UnixMilli(), To: b.UnixMilli()}
	return w, errA == nil && errB == nil && w.From < w.To
}

// plainID is what an id may be to stand in a name as it is.
var plainID = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$`)

// jobName is how names spell a job's id.
func jobName(id string) string {
	if plainID.MatchString(id) {
		return id
	}
	sum := sha256.Sum256([]byte(id))
	return "sha256-" + hex.EncodeToString(sum[:])
}

// folder is that of a job. Names in order are jobs in order of their observation.
func (c Config) folder(w conv.Window, job conv.Job) string {
	return fmt.Sprintf("%s%010d-%s/", c.jobs(w), job.Observation, jobName(job.ID))
}

// observationOf reads a job's observation from the name of its folder; 0 where that is none.
func observationOf(name string) uint32 {
	digits, _, _ := strings.Cut(name, "-")
	n, _ := strconv.ParseUint(digits, 10, 32)
	return uint32(n)
}

const (
	pagePrefix = "page-"
	pageSuffix = ".json.zst"
)

func pageName(n int) string { return fmt.Sprintf("%s%06d%s", pagePrefix, n, pageSuffix) }

// pageNumber reads what pageName wrote.
func pageNumber(name string) (n int, ok bool) {
	digits, isPage := strings.CutPrefix(name, pagePrefix)
	digits, whole := strings.CutSuffix(digits, pageSuffix)
	n, err := strconv.Atoi(digits)
	return n, isPage && whole && err == nil && n >= 0 && pageName(n) == name
}
