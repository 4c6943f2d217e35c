package app

import (
	"strings"
	"testing"
)

func TestAContractOfDialectReportsWithoutIdentityIsRefused(t *testing.T) {
	const contract = `{"type": "record", "name": "Row", "fields": [{"name": "conversation_id", "type": "string", "source": "conversation.id", "required": true}]}`
	for dialect, refused := range map[string]bool{"reports": true, "jobs": false} {
		file := contractFile(t, contract)
		_, err := contractsOf(configured(t, map[string]any{"source.dialect": dialect, "contract.file": file, "kafka.topics.speech": ""}))
		if (err != nil) != refused {
			t.Errorf("%s: error %v, want one: %t", dialect, err, refused)
		}
		if refused && (err == nil || !strings.Contains(err.Error(), `contract.file: `+file+`: no field has "identity": true`)) {
			t.Errorf("%s: error %v does not name the key, the file and the property", dialect, err)
		}
	}
}
