package avro_test

import (
	"fmt"
	"log"

	"convstream/avro"
)

func ExampleParse() {
	contract, err := avro.Parse([]byte(`{
		"type": "record", "name": "Call", "namespace": "acme",
		"fields": [
			{"name": "id", "type": "string", "source": "interaction.id", "required": true, "identity": true},
			{"name": "queue_ms", "type": ["null", "long"], "default": null, "source": "metrics.queuetime.ms"}
		]
	}`))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(contract.Sources())
	// Output: [interaction.id metrics.queuetime.ms]
}
