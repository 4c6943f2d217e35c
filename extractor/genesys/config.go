package genesys

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

const (
	// MaxLimit is where the platform caps the rows of one query.
	MaxLimit = 10_000_000

	// defaultOverlap is how far a window's query reaches back into the window before, so
	// that a row on their common edge comes even if the platform leaves an edge out.
	defaultOverlap = time.Millisecond
)

// Config says whom to ask, as whom, and for what. Names in its errors are those of the
// configuration file.
type Config struct {
	Dialect string // "reports"

	BaseURL  string // https; plain http for loopback hosts only
	TokenURL string

	ClientID     string
	ClientSecret string

	Select  []string      // columns: known paths, neither wildcards nor whole objects
	Limit   int           // most rows of one job, 1 to MaxLimit
	Overlap time.Duration // whole milliseconds; 0 means 1 ms

	HTTP *http.Client // nil means one of New's own
}

// domains are the platform's regions. Host names are "api." and "login." before them.
var domains = map[string]string{
	"us-east-1":      "mypurecloud.com",
	"us-east-2":      "use2.us-gov-pure.cloud",
	"us-west-2":      "usw2.pure.cloud",
	"ca-central-1":   "cac1.pure.cloud",
	"mx-central-1":   "mxc1.pure.cloud",
	"sa-east-1":      "sae1.pure.cloud",
	"eu-central-1":   "mypurecloud.de",
	"eu-central-2":   "euc2.pure.cloud",
	"eu-west-1":      "mypurecloud.ie",
	"eu-west-2":      "euw2.pure.cloud",
	"eusc-de-east-1": "edee1.eusc-pure.cloud",
	"me-central-1":   "mec1.pure.cloud",
	"ap-south-1":     "aps1.pure.cloud",
	"ap-southeast-1": "apse1.pure.cloud",
	"ap-southeast-2": "mypurecloud.com.au",
	"ap-northeast-1": "mypurecloud.jp",
	"ap-northeast-2": "apne2.pure.cloud",
	"ap-northeast-3": "apne3.pure.cloud",
}

// Regions lists the platform's regions.
func Regions() []string { return slices.Sorted(maps.Keys(domains)) }

// Endpoints returns the base URL of a region's API, and the URL of its token endpoint. ok is
// false for a region that the platform does not have.
func Endpoints(region string) (base, token string, ok bool) {
	domain, ok := domains[region]
	return "https://api." + domain, "https://login." + domain + "/oauth/token", ok
}

func checkURL(field, text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return fmt.Errorf("%s is no URL", field) // the text may hold a password
	case u.User != nil, u.RawQuery != "", u.Fragment != "":
		return fmt.Errorf("%s for host %q: want scheme, host and path only", field, u.Host)
	case u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return fmt.Errorf("%s is %q: want an https URL, or set source.region", field, text)
	case u.Scheme == "http" && !loopback(u.Hostname()):
		return fmt.Errorf("%s is %q: credentials and customer data need https; plain http is for loopback hosts only", field, text)
	}
	return nil
}

func loopback(host string) bool {
	return host == "localhost" || net.ParseIP(host).IsLoopback()
}

// validate finds every problem there is.
func (c *Config) validate() error {
	errs := []error{checkURL("source.base_url", c.BaseURL), checkURL("source.token_url", c.TokenURL)}
	switch c.Dialect {
	case "reports":
	case "jobs":
		errs = append(errs, errors.New(`source.dialect "jobs" comes later: want "reports"`))
	default:
		errs = append(errs, fmt.Errorf(`source.dialect is %q: want "reports"`, c.Dialect))
	}
	if c.ClientID == "" {
		errs = append(errs, errors.New("source.client_id is empty: want the id of an OAuth client with grant client credentials"))
	}
	if c.ClientSecret == "" {
		errs = append(errs, errors.New("source.client_secret is empty: set it, or source.client_secret_file"))
	}
	if c.Limit < 1 || c.Limit > MaxLimit {
		errs = append(errs, fmt.Errorf("source.limit is %d: want 1 to %d, where the platform caps a query", c.Limit, MaxLimit))
	}
	if c.Overlap < 0 || c.Overlap%time.Millisecond != 0 {
		errs = append(errs, fmt.Errorf("window.overlap is %s: want whole milliseconds, 0 or more", c.Overlap))
	}
	return errors.Join(append(errs, checkSelect(c.Select)...)...)
}

// wholeObjects are sources that name no column but all that may ever be below them.
var wholeObjects = []string{"attributes", "attributes.custom", "metrics", "routing"}

func checkSelect(columns []string) (errs []error) {
	if len(columns) == 0 {
		return []error{errors.New("select is empty: want at least conversation.id and timestamp")}
	}
	for _, column := range columns {
		switch {
		case strings.TrimSpace(column) == "":
			errs = append(errs, errors.New("select has an empty entry: remove it"))
		case strings.Contains(column, "*"):
			errs = append(errs, fmt.Errorf("select entry %q is a wildcard: it grows with every custom attribute until the platform's job fails; name each attribute", column))
		case slices.Contains(wholeObjects, column):
			errs = append(errs, fmt.Errorf("select entry %q is a whole object: its size has no bound; name each field below it", column))
		}
	}
	return errs
}
