package avro

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A change of these lists breaks whoever reads the speech topic: fields may join at the end of
// their record, nullable, and none may go or change.
var speechFields = map[string][]string{
	"reports": {
		"interaction_id string required from interaction.id",
		"interaction_type string required from interaction.type",
		"conversation_id string required from conversation.id",
		"timestamp timestamp-millis required",
		"attributes_custom_customer_segment string nullable, default null from attributes.custom.customer_segment",
		"attributes_custom_case_priority string nullable, default null from attributes.custom.case_priority",
	},
	"jobs": {
		"conversationId string required",
		"conversationStart timestamp-millis required",
		"conversationEnd timestamp-millis nullable, default null, optional",
		"originatingDirection string nullable, default null, optional",
		"divisionIds array of string nullable, default null, optional",
		"participants array of record nullable, default null, optional",
		"participants.participantId string nullable, default null, optional",
		"participants.participantName string nullable, default null, optional, mask",
		"participants.purpose string nullable, default null, optional",
		"participants.userId string nullable, default null, optional",
		"participants.externalContactId string nullable, default null, optional",
		"participants.attributes map of string or null nullable, default null, optional",
		"participants.sessions array of record nullable, default null, optional",
		"participants.sessions.sessionId string nullable, default null, optional",
		"participants.sessions.mediaType string nullable, default null, optional",
		"participants.sessions.direction string nullable, default null, optional",
		"participants.sessions.ani string nullable, default null, optional, mask",
		"participants.sessions.dnis string nullable, default null, optional, mask",
		"participants.sessions.remote string nullable, default null, optional, mask",
		"participants.sessions.recording boolean nullable, default null, optional",
		"participants.sessions.snippetRecording boolean nullable, default null, optional",
		"participants.sessions.provider string nullable, default null, optional",
		"participants.sessions.peerId string nullable, default null, optional",
		"participants.sessions.flow record nullable, default null, optional",
		"participants.sessions.flow.flowId string nullable, default null, optional",
		"participants.sessions.flow.flowName string nullable, default null, optional",
		"participants.sessions.flow.flowType string nullable, default null, optional",
		"participants.sessions.flow.startingLanguage string nullable, default null, optional",
		"participants.sessions.flow.endingLanguage string nullable, default null, optional",
		"participants.sessions.mediaEndpointStats array of record nullable, default null, optional",
		"participants.sessions.mediaEndpointStats.codecs array of string nullable, default null, optional",
		"participants.sessions.mediaEndpointStats.eventTime timestamp-millis nullable, default null, optional",
		"participants.sessions.mediaEndpointStats.minMos double nullable, default null, optional",
		"participants.sessions.segments array of record nullable, default null, optional",
		"participants.sessions.segments.segmentStart timestamp-millis nullable, default null, optional",
		"participants.sessions.segments.segmentEnd timestamp-millis nullable, default null, optional",
		"participants.sessions.segments.segmentType string nullable, default null, optional",
		"participants.sessions.segments.audioMuted boolean nullable, default null, optional",
		"participants.sessions.segments.conference boolean nullable, default null, optional",
		"participants.sessions.segments.disconnectType string nullable, default null, optional",
		"participants.sessions.segments.queueId string nullable, default null, optional",
		"participants.sessions.segments.requestedLanguageId string nullable, default null, optional",
		"participants.sessions.segments.wrapUpCode string nullable, default null, optional",
	},
}

func speech(t testing.TB, dialect string) *Contract {
	t.Helper()
	c, err := Speech(dialect)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestR107_TheSpeechContractsKeepTheirFields(t *testing.T) {
	for dialect, name := range map[string]string{"reports": "genesys.speech.SpeechInteraction", "jobs": "genesys.speech.SpeechConversation"} {
		s := shapeOf(t, speech(t, dialect))
		if diff := cmp.Diff(speechFields[dialect], describe(&s, "")); diff != "" {
			t.Errorf("%s: %s", dialect, diff)
		}
		if s.branch != name {
			t.Errorf("%s: the record is %s", dialect, s.branch)
		}
	}
	if _, err := Speech("chat"); err == nil {
		t.Error("a dialect that is none has a speech contract")
	}
}

// The speech route asks the platform for nothing more, and hides what the primary one hides.
func TestTheSpeechContractsReadAndMarkAsTheDefaultOnesDo(t *testing.T) {
	for _, dialect := range []string{"reports", "jobs"} {
		whole, err := Default(dialect)
		if err != nil {
			t.Fatal(err)
		}
		sources := whole.Sources()
		for _, source := range speech(t, dialect).Sources() {
			if !slices.Contains(sources, source) {
				t.Errorf("%s: no default field reads %s", dialect, source)
			}
		}
		root := shapeOf(t, whole)
		if dialect == "jobs" {
			all := describe(&root, "")
			for _, line := range speechFields["jobs"] {
				if !slices.Contains(all, line) {
					t.Errorf("the default contract has no %q", line)
				}
			}
		}
	}
}

func TestAConversationIsPublishedForSpeechAnalytics(t *testing.T) {
	c := speech(t, "jobs")
	agreesWithGoavro(t, c, codecOf(t, c), conversation(t))
	staysTheSameRow(t, c, conversation(t))
	agreesWithGoavro(t, speech(t, "reports"), codecOf(t, speech(t, "reports")), sampleRow)
}
