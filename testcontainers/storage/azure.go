package storage

import (
	"context"
	_ "embed"
	"encoding/base64"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/bloberror"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"

	"convstream/testcontainers"
	"convstream/testcontainers/internal/fetch"
)

var (
	//go:embed azurite/package.json
	azuritePackage []byte
	//go:embed azurite/package-lock.json
	azuriteLock []byte
)

// Azure starts Azurite. A test without Node.js is skipped, or fails where real tests have to run.
func Azure(t *testing.T) *Server {
	t.Helper()
	for _, program := range []string{"node", "npm"} {
		if _, err := exec.LookPath(program); err != nil {
			lack := program + " is not in PATH: Node.js 20 or newer with npm is needed"
			if os.Getenv(testcontainers.RequireRealEnv) == "1" {
				t.Fatal(lack)
			}
			t.Skip(lack)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), fetchPatience)
	defer cancel()
	modules, err := fetch.Npm(ctx, "azurite", azuritePackage, azuriteLock)
	if err != nil {
		t.Fatal(err)
	}
	s := newServer(t, "Azurite", "azblob")
	const account = "convstream"
	key, wrong := base64.StdEncoding.EncodeToString([]byte(secret)), base64.StdEncoding.EncodeToString([]byte("of-another-server"))
	s.query = url.Values{"domain": {s.addr}, "protocol": {"http"}, "localemu": {"true"}}
	s.Env = []string{"AZURE_STORAGE_ACCOUNT=" + account, "AZURE_STORAGE_KEY=" + key}
	s.Wrong = []string{"AZURE_STORAGE_ACCOUNT=" + account, "AZURE_STORAGE_KEY=" + wrong}
	s.Refusal, s.Secrets = "AuthorizationFailure: 403 Server failed to authenticate the request", []string{key, wrong}
	s.command = azurite(t, modules, s.addr, account+":"+key)
	c := azureContainer(t, "http://"+s.addr+"/"+account+"/"+s.Bucket, account, key)
	s.makes = func(t *testing.T) {
		if _, err := c.Create(t.Context(), nil); err != nil && !bloberror.HasCode(err, bloberror.ContainerAlreadyExists) {
			t.Fatal(err)
		}
	}
	s.objects = func(t *testing.T) []string { return blobs(t, c) }
	s.start(t)
	return s
}

// azurite is the command that starts it. It tells nobody that it runs, and takes whatever version of the API the SDK speaks.
func azurite(t *testing.T, modules, addr, accounts string) func() *exec.Cmd {
	t.Helper()
	host, port, dir := hostPort(t, addr)[0], hostPort(t, addr)[1], t.TempDir()
	return func() *exec.Cmd {
		cmd := exec.Command("node", filepath.Join(modules, "azurite", "dist", "src", "blob", "main.js"),
			"--blobHost", host, "--blobPort", port, "--location", dir, "--disableTelemetry", "--skipApiVersionCheck")
		cmd.Env = append(os.Environ(), "AZURITE_ACCOUNTS="+accounts)
		return cmd
	}
}

// azureContainer reaches a container by the vendor's own SDK.
func azureContainer(t *testing.T, at, account, key string) *container.Client {
	t.Helper()
	credential, err := container.NewSharedKeyCredential(account, key)
	if err != nil {
		t.Fatal(err)
	}
	c, err := container.NewClientWithSharedKeyCredential(at, credential, nil)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func blobs(t *testing.T, c *container.Client) (names []string) {
	t.Helper()
	for pages := c.NewListBlobsFlatPager(nil); pages.More(); {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, blob := range page.Segment.BlobItems {
			names = append(names, *blob.Name)
		}
	}
	return names
}
