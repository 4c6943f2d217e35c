package genesys

import (
	"maps"
	"regexp"
	"slices"
	"strings"
)

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

// platformDomain is a domain of the platform, also one of a region that is newer than this
// list. Credentials are sent there, so that it has to be one of the vendor's own: these, and
// single names below the last three. Anybody may register evil-pure.cloud or mypurecloud.xyz.
var platformDomain = regexp.MustCompile(`^(mypurecloud\.(com|ie|de|jp|com\.au)|[a-z0-9]+\.(us-gov-|eusc-)?pure\.cloud)$`)

// Endpoints returns the base URL of a region's API, and the URL of its token endpoint. A
// region is one of [Regions], or a domain of the platform such as usw2.pure.cloud. ok is
// false for anything else.
func Endpoints(region string) (base, token string, ok bool) {
	domain, ok := domains[region]
	if !ok {
		domain = strings.ToLower(region)
		ok = platformDomain.MatchString(domain)
	}
	return "https://api." + domain, "https://login." + domain + "/oauth/token", ok
}
