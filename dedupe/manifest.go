package dedupe

import (
	"encoding/json"
	"fmt"
	"hash/crc32"
	"maps"
	"slices"
	"strconv"
	"strings"
)

const (
	manifestName    = "manifest.json"
	manifestVersion = 1
	segmentSuffix   = ".segment"
)

// manifest says what the segments of a directory are worth.
type manifest struct {
	Version  int               `json:"version"`
	Identity string            `json:"identity"`
	Covered  map[string]uint64 `json:"covered"` // window → every row up to this commit is in a segment
	Hours    []int64           `json:"hours"`   // the buckets that have a segment
}

// sealedManifest is the manifest file. A flipped digit in a commit number would otherwise
// pass for a truth.
type sealedManifest struct {
	CRC      uint32          `json:"crc32c"` // of the bytes of Manifest
	Manifest json.RawMessage `json:"manifest"`
}

func segmentName(hour int64) string { return strconv.FormatInt(hour, 10) + segmentSuffix }

func parseSegmentName(name string) (hour int64, ok bool) {
	digits, ok := strings.CutSuffix(name, segmentSuffix)
	if !ok {
		return 0, false
	}
	hour, err := strconv.ParseInt(digits, 10, 64)
	return hour, err == nil && segmentName(hour) == name
}

// writeManifest replaces the manifest. Everything it speaks of is committed before.
func writeManifest(files Files, m manifest) error {
	body, err := json.Marshal(m)
	if err != nil {
		return err
	}
	text, err := json.Marshal(sealedManifest{CRC: crc32.Checksum(body, castagnoli), Manifest: body})
	if err != nil {
		return err
	}
	f, err := files.Create(manifestName)
	if err != nil {
		return err
	}
	defer f.Abandon()
	if _, err := f.Write(text); err != nil {
		return err
	}
	return f.Commit()
}

// readManifest returns false where there is no manifest of this identity to be believed.
func readManifest(files Files, identity string) (manifest, bool) {
	f, err := files.Open(manifestName)
	if err != nil {
		return manifest{}, false
	}
	defer f.Close()
	text, err := readAt(f, 0, int(f.Size()))
	if err != nil {
		return manifest{}, false
	}
	m, ok := parseManifest(text)
	return m, ok && m.Identity == identity
}

func parseManifest(text []byte) (m manifest, ok bool) {
	var sealed sealedManifest
	if json.Unmarshal(text, &sealed) != nil || crc32.Checksum(sealed.Manifest, castagnoli) != sealed.CRC {
		return manifest{}, false
	}
	err := json.Unmarshal(sealed.Manifest, &m)
	return m, err == nil && m.Version == manifestVersion
}

// openDirectory returns the manifest of the directory and removes all that it does not speak
// of. Without a manifest that is everything. A segment that it speaks of and that is gone is
// a damaged one, found when it is opened.
func openDirectory(files Files, identity string) (manifest, error) {
	names, err := files.List()
	if err != nil {
		return manifest{}, fmt.Errorf("list dedupe files: %w", err)
	}
	m, ok := readManifest(files, identity)
	if !ok {
		m = manifest{Covered: map[string]uint64{}}
		// First: segments without a manifest are harmless, a manifest without them is not.
		if err := files.Remove(manifestName); err != nil {
			return manifest{}, fmt.Errorf("remove dedupe manifest: %w", err)
		}
	}
	for _, name := range names {
		hour, isSegment := parseSegmentName(name)
		if !isSegment || slices.Contains(m.Hours, hour) {
			continue
		}
		if err := files.Remove(name); err != nil {
			return manifest{}, fmt.Errorf("remove dedupe segment: %w", err)
		}
	}
	return m, nil
}

// Save seals every bucket and writes the manifest: what a clean stop leaves for the next
// start. Entries in flight are no part of it. After an error an older manifest, or none,
// stands.
func (h *History) Save() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	m := manifest{Version: manifestVersion, Identity: h.identity, Hours: []int64{}}
	for _, hour := range slices.Sorted(maps.Keys(h.buckets)) {
		b := h.buckets[hour]
		if err := h.seal(b); err != nil {
			return err
		}
		if b.sealed {
			m.Hours = append(m.Hours, hour)
		}
		h.unload(b)
	}
	// Only now: to seal a bucket may have shown that its segment was damaged.
	m.Covered = h.coverage.covered
	if err := writeManifest(h.files, m); err != nil {
		return fmt.Errorf("write dedupe manifest: %w", err)
	}
	return nil
}
