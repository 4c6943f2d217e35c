package app

import (
	"fmt"
	"strings"
	"testing"
)

func TestEachMistakeOfAContractIsOneLineWithKeyFileAndPlace(t *testing.T) {
	w := newSchemaWorld(t)
	const broken = `{"type":"record","name":"R","fields":[
{"name":"one","type":"long","default":1.5},
{"name":"two","type":["null","string"],"privacy":"blur"}]}`
	primary, chat := w.write("primary.avsc", broken), w.write("chat.avsc", broken)
	w = newSchemaWorld(t, "contract: {file: "+primary+"}", "routes: [{name: chat, topic: genesys.chat, contract: "+chat+"}]")
	_, errs := w.run(ExitUsage, "show", "-c", w.config)
	var want []string
	for _, place := range []string{"contract.file: " + primary, "routes[0].contract: " + chat} {
		want = append(want,
			fmt.Sprintf(`convstream: %s: parse contract: line 2, column 39: field "one": default 1.5 is no long`, place),
			fmt.Sprintf(`convstream: %s: parse contract: line 3, column 50: field "two": "privacy" is "blur"; use "hash", "mask" or "drop"`, place))
	}
	if got := strings.TrimSpace(errs); got != strings.Join(want, "\n") {
		t.Errorf("printed\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
}
