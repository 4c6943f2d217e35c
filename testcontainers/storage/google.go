package storage

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// fakeGCS is the emulator, from the module proxy; it is built once per machine.
const fakeGCS = "github.com/fsouza/fake-gcs-server@v1.56.1"

// Google starts fake-gcs-server. The clients of Google send no credentials to an emulator, so a wrong key is one that Google's
// token service refuses, of which the test has its own.
func Google(t *testing.T) *Server {
	t.Helper()
	s := newServer(t, "the emulator of Google Cloud Storage", "gs")
	program, root := goTool(t, fakeGCS), t.TempDir()
	makeFolders(t, filepath.Join(root, s.Bucket)) // a folder is a bucket
	at := hostPort(t, s.addr)
	s.Env = []string{"STORAGE_EMULATOR_HOST=" + s.addr}
	s.command = func() *exec.Cmd {
		return exec.Command(program, "-scheme", "http", "-host", at[0], "-port", at[1], "-public-host", s.addr, "-external-url", "http://"+s.addr,
			"-backend", "filesystem", "-filesystem-root", root, "-log-level", "warn")
	}
	s.objects = func(t *testing.T) []string { return googleObjects(t, "http://"+s.addr+"/storage/v1/b/"+s.Bucket+"/o") }
	file, private := serviceAccount(t)
	s.Wrong, s.Refusal, s.Secrets = []string{"GOOGLE_APPLICATION_CREDENTIALS=" + file}, "Invalid JWT Signature.", private
	s.start(t)
	return s
}

func hostPort(t *testing.T, addr string) [2]string {
	t.Helper()
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	return [2]string{host, port}
}

// googleObjects asks the emulator. One answer has up to 1000 names.
func googleObjects(t *testing.T, url string) (names []string) {
	t.Helper()
	answer, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var list struct {
		Items []struct{ Name string }
	}
	if err := json.NewDecoder(answer.Body).Decode(&list); err != nil {
		t.Fatal(err)
	}
	for _, object := range list.Items {
		names = append(names, object.Name)
	}
	return names
}

// serviceAccount writes the credentials of an account whose key the token service does not know. It answers as Google's does.
func serviceAccount(t *testing.T) (file string, private []string) {
	t.Helper()
	tokens := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"error":"invalid_grant","error_description":"Invalid JWT Signature."}`) // fails if nobody listens any more
	}))
	t.Cleanup(tokens.Close)
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	text := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	account, err := json.Marshal(map[string]string{
		"type": "service_account", "project_id": "convstream", "private_key_id": "1", "private_key": text,
		"client_email": "convstream@convstream.iam.gserviceaccount.com", "token_uri": tokens.URL,
	})
	if err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(t.TempDir(), "account.json")
	if err := os.WriteFile(file, account, 0o600); err != nil {
		t.Fatal(err)
	}
	return file, strings.Split(text, "\n")[1:3] // lines of the key
}
