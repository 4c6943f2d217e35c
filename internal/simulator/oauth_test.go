package simulator

import (
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestATokenIsForTheRightClientOnly(t *testing.T) {
	c := start(t, Config{ClientID: "id/1", ClientSecret: "s%e:cret", Faults: Faults{TokenLife: time.Hour}})
	const form = "grant_type=client_credentials"
	for name, test := range map[string]struct {
		body, basicID, basicSecret string
		status                     int
		code                       string
	}{
		"basic":            {form, "id%2F1", "s%25e%3Acret", 200, ""},
		"basic, unescaped": {form, "id/1", "s%25e:cret", 200, ""},
		"form":             {form + "&client_id=id%2F1&client_secret=s%25e%3Acret", "", "", 200, ""},
		"wrong basic":      {form, "id%2F1", "other", 401, "invalid_client"},
		"wrong form":       {form + "&client_id=other&client_secret=s%25e%3Acret", "", "", 400, "invalid_client"},
		"nobody":           {form, "", "", 400, "invalid_client"},
		"other grant":      {"grant_type=password", "id%2F1", "s%25e%3Acret", 400, "unsupported_grant_type"},
	} {
		r := httptest.NewRequest("POST", "/oauth/token", strings.NewReader(test.body))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if test.basicID != "" {
			r.SetBasicAuth(test.basicID, test.basicSecret)
		}
		w := httptest.NewRecorder()
		c.sim.ServeHTTP(w, r)
		var a struct {
			AccessToken string `json:"access_token"`
			TokenType   string `json:"token_type"`
			ExpiresIn   int    `json:"expires_in"`
			Error       string
		}
		c.decode(w.Body.Bytes(), &a)
		if w.Code != test.status || a.Error != test.code || (a.AccessToken != "") != (w.Code == 200) {
			t.Errorf("%s: status %d, %+v", name, w.Code, a)
		}
		if w.Code == 200 && (a.ExpiresIn != 3600 || !strings.EqualFold(a.TokenType, "bearer")) {
			t.Errorf("%s: %+v", name, a)
		}
		if strings.Contains(w.Body.String(), "cret") {
			t.Errorf("%s: the answer holds the secret", name)
		}
	}
}

func TestR11_ATokenEndsWithItsLifeAndAnotherOneGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := start(t, Config{Rows: 10, Faults: Faults{TokenLife: time.Minute}})
		id := c.submit(body(day))
		time.Sleep(time.Minute - 1)
		c.status(id)
		time.Sleep(1 * time.Nanosecond)
		c.want(401, "GET", pathReports+id, "")
		c.login()
		c.status(id)
	})
}

func TestANewTokenLeavesTheOthersGood(t *testing.T) {
	c := start(t, Config{Rows: 10})
	id := c.submit(body(day))
	old := c.token
	c.login()
	if c.token == old {
		t.Error("the same token again")
	}
	c.status(id)
	c.token = old
	c.status(id)
}
