package staging

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
	"gocloud.dev/blob/azureblob"
	"golang.org/x/oauth2"
)

// answer is one of HTTP.
func answer(r *http.Request, status int, body string) *http.Response {
	return &http.Response{
		StatusCode: status, Status: fmt.Sprint(status, " ", http.StatusText(status)), Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(strings.NewReader(body)), Request: r,
	}
}

// azureBy is a container of Azure that is asked once, by way of a transport; a nil credential asks for no token.
func azureBy(t *testing.T, by transport, credential azcore.TokenCredential) *Bucket {
	t.Helper()
	o := &container.ClientOptions{ClientOptions: policy.ClientOptions{Transport: &http.Client{Transport: by}, Retry: policy.RetryOptions{MaxRetries: -1}}}
	const url = "https://account.blob.core.windows.net/pages"
	client, err := container.NewClientWithNoCredential(url, o)
	if credential != nil {
		client, err = container.NewClient(url, credential, o)
	}
	if err != nil {
		t.Fatal(err)
	}
	b, err := azureblob.OpenBucket(t.Context(), client, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	return &Bucket{blob: b, place: "azblob://pages"}
}

// tokens has Azure's token service answer a request for a token what a function says.
func tokens(t *testing.T, say transport) (transport, azcore.TokenCredential) {
	t.Helper()
	const login = "https://login.microsoftonline.com/tenant/"
	by := transport(func(r *http.Request) (*http.Response, error) {
		switch {
		case strings.Contains(r.URL.Path, "openid-configuration"):
			return answer(r, http.StatusOK, `{"authorization_endpoint":"`+login+`oauth2/v2.0/authorize","token_endpoint":"`+login+
				`oauth2/v2.0/token","issuer":"`+login+`v2.0"}`), nil
		case strings.Contains(r.URL.Path, "discovery/instance"):
			return answer(r, http.StatusOK, `{"tenant_discovery_endpoint":"`+login+`v2.0/.well-known/openid-configuration","metadata":[]}`), nil
		}
		return say(r)
	})
	o := &azidentity.ClientSecretCredentialOptions{ClientOptions: policy.ClientOptions{
		Transport: &http.Client{Transport: by}, Retry: policy.RetryOptions{MaxRetries: -1},
	}}
	credential, err := azidentity.NewClientSecretCredential("tenant", "client", "wrong", o)
	if err != nil {
		t.Fatal(err)
	}
	return by, credential
}

func unresolvable(r *http.Request) (*http.Response, error) {
	return nil, &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: r.URL.Host, IsNotFound: true}}
}

func TestR13_AHostOfAzureThatIsNotFoundForAMomentIsNoAbsentObject(t *testing.T) {
	_, credential := tokens(t, unresolvable)
	for name, b := range map[string]*Bucket{
		"of the storage": azureBy(t, unresolvable, nil),
		"of the tokens":  azureBy(t, unresolvable, credential),
	} {
		err := b.write(t.Context(), "a/page", "text/plain", text("x"))
		var storage *Error
		if !errors.As(err, &storage) || storage.Permanent() || !strings.Contains(err.Error(), "no such host") || strings.Contains(err.Error(), "://login") {
			t.Errorf("%s: a write: %v", name, err)
		}
		if m, err := b.readManifest(t.Context(), "acme/"); err == nil {
			t.Errorf("%s: the manifest is %v", name, m)
		}
	}
}

func TestR13_CredentialsThatAzuresTokenServiceRefusesAreNotWaitedFor(t *testing.T) {
	const wrong = `{"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret provided. See https://login.example/tenant."}`
	for status, c := range map[int]struct {
		body      string
		permanent bool
		want      string
	}{
		http.StatusUnauthorized:       {wrong, true, "Azure's token service answers 401 Unauthorized: AADSTS7000215: Invalid client secret provided. See ***.; " + checkAccess},
		http.StatusTooManyRequests:    {"<html>", false, "Azure's token service answers 429 Too Many Requests"},
		http.StatusServiceUnavailable: {"", false, "Azure's token service answers 503 Service Unavailable"},
	} {
		by, credential := tokens(t, func(r *http.Request) (*http.Response, error) { return answer(r, status, c.body), nil })
		err := azureBy(t, by, credential).write(t.Context(), "a/page", "text/plain", text("x"))
		var storage *Error
		if !errors.As(err, &storage) || storage.Permanent() != c.permanent || err.Error() != "staging: write azblob://pages/a/page: "+c.want {
			t.Errorf("%d: %v", status, err)
		}
	}
}

func TestAnAnswerOfAzureWithoutACodeIsItsStatus(t *testing.T) {
	b := azureBy(t, func(r *http.Request) (*http.Response, error) { return answer(r, http.StatusBadGateway, "<html>"), nil }, nil)
	err := b.write(t.Context(), "a/page", "text/plain", text("x"))
	if want := "staging: write azblob://pages/a/page: the answer is 502 Bad Gateway"; err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

func TestR13_WhatPassesIsToldFromWhatTheStorageWouldSayAgain(t *testing.T) {
	token := func(status int) error { return &oauth2.RetrieveError{Response: answer(nil, status, "")} }
	file := func(err error) error {
		return fmt.Errorf("blob: %w", &fs.PathError{Op: "open", Path: "page", Err: err})
	}
	bucket, folder := &Bucket{place: "gs://pages"}, &Bucket{place: "file:///pages", root: "/pages"}
	for name, c := range map[string]struct {
		b         *Bucket
		err       error
		permanent bool
	}{
		"a key that the token service does not know": {bucket, token(http.StatusBadRequest), true},
		"a token service that is slow":               {bucket, token(http.StatusRequestTimeout), false},
		"a token service that is busy":               {bucket, token(http.StatusTooManyRequests), false},
		"a token service that is down":               {bucket, token(http.StatusBadGateway), false},
		"a folder that may not be written to":        {folder, file(syscall.EACCES), true},
		"a file system that is read only":            {folder, file(syscall.EROFS), true},
		"a disk that is full":                        {folder, file(syscall.ENOSPC), false},
		"a firewall of this machine":                 {bucket, &net.OpError{Op: "dial", Err: syscall.EPERM}, false},
	} {
		if err := c.b.failed("write", "page", c.err); err.Permanent() != c.permanent || (err.Hint == checkAccess) != c.permanent {
			t.Errorf("%s: %v, for good: %t", name, err, err.Permanent())
		}
	}
}

// A session is lost at a chunk of an upload, or the bucket with it.
func TestR13_AnUploadThatGoogleHasLostBeginsAnew(t *testing.T) {
	for name, gone := range map[string]bool{"the bucket is there": false, "the bucket is gone": true} {
		session, deleted := false, false
		throughTransport(t, func(r *http.Request) (*http.Response, error) {
			if r.Body != nil {
				_, _ = io.Copy(io.Discard, r.Body)
			}
			switch {
			case r.URL.Path == "/session":
				session, deleted = true, gone
				return answer(r, http.StatusNotFound, ""), nil
			case deleted:
				return answer(r, http.StatusNotFound, `{"error":{"code":404,"message":"The specified bucket does not exist."}}`), nil
			}
			a := answer(r, http.StatusOK, "{}")
			a.Header.Set("Location", "http://storage.test/session")
			return a, nil
		})
		err := open(t, "gs://pages").write(t.Context(), "a/page", "text/plain", func(w io.Writer) error {
			_, err := w.Write(bytes.Repeat([]byte("x"), partSize+1))
			return err
		})
		var storage *Error
		if !errors.As(err, &storage) || storage.Permanent() != gone || (storage.Hint == checkAccess) != gone || !session {
			t.Errorf("%s: %v", name, err)
		}
	}
}
