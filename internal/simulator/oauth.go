package simulator

import (
	"net/http"
	"net/url"
	"strings"
	"time"
)

// issueToken is the client-credentials grant. The client names itself by Basic
// authentication or in the form.
func (s *Simulator) issueToken(w *reply, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	if err := r.ParseForm(); err != nil {
		refuseGrant(w, http.StatusBadRequest, "invalid_request", "the body is no form")
		return
	}
	if r.PostForm.Get("grant_type") != "client_credentials" {
		refuseGrant(w, http.StatusBadRequest, "unsupported_grant_type", "grant_type must be client_credentials")
		return
	}
	if id, secret, basic := r.BasicAuth(); basic {
		if !s.knows(unescaped(id), unescaped(secret)) {
			refuseGrant(w, http.StatusUnauthorized, "invalid_client", "authentication failed")
			return
		}
	} else if !s.knows(r.PostForm.Get("client_id"), r.PostForm.Get("client_secret")) {
		refuseGrant(w, http.StatusBadRequest, "invalid_client", "authentication failed")
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	writeJSON(w, http.StatusOK, struct {
		AccessToken string `json:"access_token"`
		TokenType   string `json:"token_type"`
		ExpiresIn   int    `json:"expires_in"`
		Scope       string `json:"scope,omitempty"`
	}{s.newToken(), "bearer", int(s.cfg.Faults.TokenLife / time.Second), s.cfg.Faults.Scope})
}

func (s *Simulator) knows(id, secret string) bool {
	return id == s.cfg.ClientID && secret == s.cfg.ClientSecret
}

// unescaped undoes the form encoding that RFC 6749 asks for in Basic authentication.
func unescaped(text string) string {
	if plain, err := url.QueryUnescape(text); err == nil {
		return plain
	}
	return text
}

func refuseGrant(w http.ResponseWriter, status int, code, why string) {
	writeJSON(w, status, struct {
		Error            string `json:"error"`
		Description      string `json:"description"`
		ErrorDescription string `json:"error_description"`
	}{code, why, why})
}

func (s *Simulator) newToken() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	for token, end := range s.tokens {
		if !now.Before(end) {
			delete(s.tokens, token)
		}
	}
	s.issued++
	d := newDice(s.cfg.Seed, forToken, uint64(s.issued), uint64(now.UnixNano()))
	token := d.text(43)
	s.tokens[token] = now.Add(s.cfg.Faults.TokenLife)
	return token
}

// authorised says whether the request carries a token that is still good. The caller holds
// the mutex.
func (s *Simulator) authorised(r *http.Request) bool {
	end, ok := s.tokens[bearer(r)]
	return ok && time.Now().Before(end)
}

func bearer(r *http.Request) string {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return token
}
