package config

import (
	"maps"
	"slices"
	"strings"
)

// domains are the platform's AWS regions. The API answers on api.<domain>, tokens come from
// login.<domain>.
var domains = map[string]string{
	"us-east-1":      "mypurecloud.com",
	"us-east-2":      "use2.us-gov-pure.cloud",
	"us-west-2":      "usw2.pure.cloud",
	"ca-central-1":   "cac1.pure.cloud",
	"mx-central-1":   "mxc1.pure.cloud",
	"sa-east-1":      "sae1.pure.cloud",
	"eu-west-1":      "mypurecloud.ie",
	"eu-west-2":      "euw2.pure.cloud",
	"eu-central-1":   "mypurecloud.de",
	"eu-central-2":   "euc2.pure.cloud",
	"eusc-de-east-1": "edee1.eusc-pure.cloud",
	"me-central-1":   "mec1.pure.cloud",
	"ap-south-1":     "aps1.pure.cloud",
	"ap-southeast-1": "apse1.pure.cloud",
	"ap-southeast-2": "mypurecloud.com.au",
	"ap-northeast-1": "mypurecloud.jp",
	"ap-northeast-2": "apne2.pure.cloud",
	"ap-northeast-3": "apne3.pure.cloud",
}

func regionNames() string { return strings.Join(slices.Sorted(maps.Keys(domains)), ", ") }

// locate fills in the addresses of the region. Addresses that the user gave win, and both
// have to be given then: credentials for one platform must not go to another.
func (l *loader) locate() {
	s := &l.config.Source
	domain, ok := domains[s.Region]
	if s.Region != "" && !ok {
		l.problem("source.region", "%q is no region; choose one of %s", s.Region, regionNames())
	}
	switch {
	case s.BaseURL != "" && s.TokenURL == "":
		l.problem("source.token_url", "missing; source.base_url is given and needs it")
	case s.BaseURL == "" && s.TokenURL != "":
		l.problem("source.base_url", "missing; source.token_url is given and needs it")
	case s.BaseURL != "":
		l.address("source.base_url", s.BaseURL, false)
		l.address("source.token_url", s.TokenURL, false)
		s.BaseURL = strings.TrimRight(s.BaseURL, "/")
	case s.Region == "":
		l.problem("source.region", "missing; choose one of %s, or give source.base_url and source.token_url", regionNames())
	case ok:
		s.BaseURL = "https://api." + domain
		s.TokenURL = "https://login." + domain + "/oauth/token"
	}
}
