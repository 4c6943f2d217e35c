package simulator

import "encoding/json"

// conversation is the platform's model of one, as far as the simulator fills it. Instants
// are strings, for they can be told in several ways.
type conversation struct {
	ConversationID        string        `json:"conversationId"`
	ConversationStart     string        `json:"conversationStart"`
	ConversationEnd       string        `json:"conversationEnd,omitempty"`
	ConversationInitiator string        `json:"conversationInitiator,omitempty"`
	CustomerParticipation *bool         `json:"customerParticipation,omitempty"`
	DivisionIDs           []string      `json:"divisionIds,omitempty"`
	ExternalTag           string        `json:"externalTag,omitempty"`
	MediaStatsMinMos      float64       `json:"mediaStatsMinConversationMos,omitempty"`
	MediaStatsMinRFactor  float64       `json:"mediaStatsMinConversationRFactor,omitempty"`
	OriginatingDirection  string        `json:"originatingDirection,omitempty"`
	SelfServed            *bool         `json:"selfServed,omitempty"`
	Evaluations           []evaluation  `json:"evaluations,omitempty"`
	Surveys               []survey      `json:"surveys,omitempty"`
	Resolutions           []resolution  `json:"resolutions,omitempty"`
	Participants          []participant `json:"participants,omitempty"`
}

type participant struct {
	ExternalContactID string            `json:"externalContactId,omitempty"`
	ParticipantID     string            `json:"participantId"`
	ParticipantName   string            `json:"participantName,omitempty"`
	Purpose           string            `json:"purpose"`
	ScreenRecording   *bool             `json:"screenRecording,omitempty"`
	UserID            string            `json:"userId,omitempty"`
	Sessions          []session         `json:"sessions,omitempty"`
	Attributes        map[string]string `json:"attributes,omitempty"`
}

type session struct {
	AddressFrom        string         `json:"addressFrom,omitempty"`
	AddressTo          string         `json:"addressTo,omitempty"`
	ANI                string         `json:"ani,omitempty"`
	CallbackNumbers    []string       `json:"callbackNumbers,omitempty"`
	Direction          string         `json:"direction"`
	DNIS               string         `json:"dnis,omitempty"`
	EdgeID             string         `json:"edgeId,omitempty"`
	EligibleAgents     []int          `json:"eligibleAgentCounts,omitempty"`
	MediaType          string         `json:"mediaType"`
	MessageType        string         `json:"messageType,omitempty"`
	PeerID             string         `json:"peerId,omitempty"`
	ProtocolCallID     string         `json:"protocolCallId,omitempty"`
	Provider           string         `json:"provider,omitempty"`
	Recording          *bool          `json:"recording,omitempty"`
	Remote             string         `json:"remote,omitempty"`
	RequestedRoutings  []string       `json:"requestedRoutings,omitempty"`
	SessionDNIS        string         `json:"sessionDnis,omitempty"`
	SessionID          string         `json:"sessionId"`
	UsedRouting        string         `json:"usedRouting,omitempty"`
	MediaEndpointStats []endpointStat `json:"mediaEndpointStats,omitempty"`
	Flow               *flow          `json:"flow,omitempty"`
	Metrics            []metric       `json:"metrics,omitempty"`
	Segments           []segment      `json:"segments,omitempty"`
}

type segment struct {
	Conference     *bool    `json:"conference,omitempty"`
	DisconnectType string   `json:"disconnectType,omitempty"`
	QueueID        string   `json:"queueId,omitempty"`
	LanguageID     string   `json:"requestedLanguageId,omitempty"`
	SkillIDs       []string `json:"requestedRoutingSkillIds,omitempty"`
	SegmentEnd     string   `json:"segmentEnd,omitempty"`
	SegmentStart   string   `json:"segmentStart"`
	SegmentType    string   `json:"segmentType"`
	SIPCodes       []int    `json:"sipResponseCodes,omitempty"`
	Subject        string   `json:"subject,omitempty"`
	WrapUpCode     string   `json:"wrapUpCode,omitempty"`
	WrapUpNote     string   `json:"wrapUpNote,omitempty"`

	duration int64 // ms
}

type metric struct {
	EmitDate string `json:"emitDate"`
	Name     string `json:"name"`
	Value    int64  `json:"value"`
}

type endpointStat struct {
	Codecs           []string `json:"codecs"`
	DiscardedPackets int64    `json:"discardedPackets"`
	EventTime        string   `json:"eventTime"`
	MaxLatencyMs     int64    `json:"maxLatencyMs"`
	MinMos           float64  `json:"minMos"`
	MinRFactor       float64  `json:"minRFactor"`
	ReceivedPackets  int64    `json:"receivedPackets"`
}

type flow struct {
	EntryReason string    `json:"entryReason,omitempty"`
	EntryType   string    `json:"entryType,omitempty"`
	ExitReason  string    `json:"exitReason,omitempty"`
	FlowID      string    `json:"flowId"`
	FlowName    string    `json:"flowName"`
	FlowType    string    `json:"flowType"`
	FlowVersion string    `json:"flowVersion,omitempty"`
	Language    string    `json:"startingLanguage,omitempty"`
	Outcomes    []outcome `json:"outcomes,omitempty"`
}

type outcome struct {
	Outcome string `json:"flowOutcome"`
	End     string `json:"flowOutcomeEndTimestamp"`
	ID      string `json:"flowOutcomeId"`
	Start   string `json:"flowOutcomeStartTimestamp"`
	Value   string `json:"flowOutcomeValue"`
}

type evaluation struct {
	ContextID     string `json:"contextId"`
	EvaluationID  string `json:"evaluationId"`
	Status        string `json:"evaluationStatus"`
	EvaluatorID   string `json:"evaluatorId"`
	EventTime     string `json:"eventTime"`
	FormID        string `json:"formId"`
	FormName      string `json:"formName"`
	QueueID       string `json:"queueId,omitempty"`
	Released      bool   `json:"released"`
	Rescored      bool   `json:"rescored"`
	UserID        string `json:"userId"`
	CriticalScore int64  `json:"oTotalCriticalScore"`
	Score         int64  `json:"oTotalScore"`
}

type survey struct {
	EventTime     string `json:"eventTime"`
	QueueID       string `json:"queueId,omitempty"`
	FormID        string `json:"surveyFormId"`
	FormName      string `json:"surveyFormName"`
	SurveyID      string `json:"surveyId"`
	PromoterScore int    `json:"surveyPromoterScore"`
	Status        string `json:"surveyStatus"`
	Type          string `json:"surveyType"`
	UserID        string `json:"userId"`
	Score         int64  `json:"oSurveyTotalScore"`
}

type resolution struct {
	EventTime string `json:"eventTime"`
	QueueID   string `json:"queueId,omitempty"`
	UserID    string `json:"userId"`
	Avoided   int64  `json:"nNextContactAvoided"`
}

func (c *conversation) json() []byte {
	text, err := json.Marshal(c)
	if err != nil {
		panic(err) // our own types of plain fields
	}
	return text
}

// withoutAttributes is the form in which the synchronous query tells of a conversation.
func (c *conversation) withoutAttributes() *conversation {
	for i := range c.Participants {
		c.Participants[i].Attributes = nil
	}
	return c
}
