package soak

import (
	"fmt"
	"time"

	"convstream/internal/conv"
)

// maybe is the value of a union with null as goavro decodes it; nil for null.
func maybe(v any) any {
	for _, inner := range asMap(v) {
		return inner
	}
	return nil
}

func asMap(v any) map[string]any {
	m, _ := v.(map[string]any)
	return m
}

func rowWords(row map[string]any) string {
	segment, _ := maybe(row["attributes_custom_customer_segment"]).(string)
	queue := "-"
	if n, ok := maybe(row["metrics_queuetime_ms"]).(int64); ok {
		queue = fmt.Sprint(n)
	}
	return fmt.Sprintf("%s %s %s %s %q %s", row["interaction_id"], row["conversation_id"],
		instant(row["timestamp"]), row["interaction_type"], segment, queue)
}

func conversationWords(row map[string]any) string {
	end := "-"
	if at := maybe(row["conversationEnd"]); at != nil {
		end = instant(at)
	}
	sessions := 0
	participants, _ := maybe(row["participants"]).([]any)
	for _, p := range participants {
		list, _ := maybe(asMap(element(p))["sessions"]).([]any)
		sessions += len(list)
	}
	return fmt.Sprintf("%s %s %s %d", row["conversationId"], instant(row["conversationStart"]), end, sessions)
}

// element is an array's element, which may stand in a union with null.
func element(v any) any {
	if m := asMap(v); len(m) == 1 {
		return maybe(v)
	}
	return v
}

func instant(v any) string {
	switch at := v.(type) {
	case time.Time:
		return conv.FormatInstant(at.UnixMilli())
	case int64:
		return conv.FormatInstant(at)
	}
	return fmt.Sprintf("%T", v)
}
