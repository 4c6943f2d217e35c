package simulator

import (
	"strconv"
	"strings"
)

// The names that filters of each kind may use, as the public API lists them. What the
// simulator's conversations do not have does not exist for a filter.
var (
	conversationGrammar = grammar{"Conversation", strings.Fields(`
accessAttribute conversationEnd conversationId conversationInitiator conversationStart customerParticipation divisionId
externalTag mediaStatsMinConversationMos originatingDirection originatingSocialMediaPublic`), strings.Fields(`
nBlindTransferred nBotInteractions nCallbackAttempts nCallbackOverSla nCallbackScheduled nCfcOffered nCobrowseSessions
nConnected nConsult nConsultTransferred nConversations nError nFlow nFlowMilestone nFlowOutcome nFlowOutcomeFailed
nOffered nOutbound nOutboundAbandoned nOutboundAttempted nOutboundConnected nOverSla nStateTransitionError nTakeover
nTransferred oAudioMessageCount oExternalAudioMessageCount oExternalMediaCount oFlowMilestone oMediaCount oMessageCount
oMessageSegmentCount oMessageTurn oSkillExpressionApplications tAbandon tAcd tActiveCallback tActiveCallbackComplete
tAcw tAgentResponseTime tAgentVideoConnected tAlert tAnswered tAverageAgentResponseTime tAverageCustomerResponseTime
tBarging tCfcAbandon tCfcAcd tCfcAnswered tCfcFlowOut tCoaching tCoachingComplete tConnected tContacting
tConversationDuration tDialing tFirstConnect tFirstDial tFirstEngagement tFirstResponse tFlow tFlowDisconnect tFlowExit
tFlowOut tFlowOutcome tHandle tHeld tHeldComplete tIvr tMonitoring tMonitoringComplete tNotResponding tPark
tParkComplete tScreenMonitoring tShortAbandon tSnippetRecord tTalk tTalkComplete tTransmitting tUserResponseTime
tVoicemail`), conversationThings}

	segmentGrammar = grammar{"Segment", strings.Fields(`
addressFrom addressOther addressSelf addressTo agentScore ani audioMuted callbackNumber callbackScheduledTime
callbackUserName cobrowseRole cobrowseRoomId conference destinationConversationId destinationSessionId direction
disconnectType dispositionAnalyzer dispositionName dnis edgeId endingLanguage entryReason entryType errorCode exitReason
externalContactId externalOrganizationId flaggedReason flowId flowName flowOutcome flowOutcomeEndTimestamp flowOutcomeId
flowOutcomeStartTimestamp flowOutcomeValue flowType flowVersion groupId issuedCallback journeyActionId
journeyActionMapId journeyActionMapVersion journeyCustomerId journeyCustomerIdType journeyCustomerSessionId
journeyCustomerSessionIdType mediaBridgeId mediaType messageType monitoredParticipantId outboundCampaignId
outboundContactId outboundContactListId participantId participantName peerId protocolCallId provider purpose
q850ResponseCode queueId remote recording remoteNameDisplayable requestedLanguageId requestedRoutingSkillId
requestedRoutingUserId roomId scoredAgentId screenShareAddressSelf screenShareRoomId scriptId segmentEnd segmentType
sessionDnis sessionId sharingScreen sipResponseCode skipEnabled sourceConversationId sourceSessionId startingLanguage
subject timeoutSeconds transferTargetAddress transferTargetName transferType userId videoAddressSelf videoMuted
videoRoomId wrapUpCode wrapUpNote wrapUpTag`), []string{"tSegmentDuration"}, segmentThings}

	evaluationGrammar = grammar{kind: "Evaluation", things: evaluationThings}
	surveyGrammar     = grammar{kind: "Survey", things: surveyThings}
	resolutionGrammar = grammar{kind: "Resolution", things: resolutionThings}
)

// dimensionWords are the values of dimensions that take a word of an enum.
var dimensionWords = map[string][]string{
	"mediaType":            {"callback", "chat", "cobrowse", "email", "internalmessage", "message", "screenmonitoring", "screenshare", "unknown", "video", "voice"},
	"direction":            {"inbound", "outbound"},
	"originatingDirection": {"inbound", "outbound"},
	"purpose": {"acd", "agent", "api", "botflow", "campaign", "customer", "dialer", "external", "fax", "group", "inbound", "ivr",
		"manual", "outbound", "station", "user", "voicemail", "voicesurveyflow", "workflow"},
	"segmentType": {"alert", "barging", "callback", "coaching", "contacting", "converting", "delay", "dialing", "hold", "interact", "ivr",
		"monitoring", "parked", "scheduled", "screenmonitoring", "sharing", "system", "transmitting", "unknown", "uploading", "voicemail", "wrapup"},
}

// some returns the texts that are not empty: an empty one is a member that is not there.
func some(texts ...string) []string {
	var all []string
	for _, t := range texts {
		if t != "" {
			all = append(all, t)
		}
	}
	return all
}

func conversationThings(c *conversation) []thing {
	return []thing{func(name string) []string {
		switch name {
		case "conversationId":
			return some(c.ConversationID)
		case "conversationStart":
			return some(c.ConversationStart)
		case "conversationEnd":
			return some(c.ConversationEnd)
		case "conversationInitiator":
			return some(c.ConversationInitiator)
		case "customerParticipation":
			return yesOrNo(c.CustomerParticipation)
		case "divisionId":
			return c.DivisionIDs
		case "externalTag":
			return some(c.ExternalTag)
		case "originatingDirection":
			return some(c.OriginatingDirection)
		case "mediaStatsMinConversationMos":
			if c.MediaStatsMinMos != 0 {
				return []string{strconv.FormatFloat(c.MediaStatsMinMos, 'f', -1, 64)}
			}
			return nil
		}
		return c.metric(name)
	}}
}

func yesOrNo(b *bool) []string {
	if b == nil {
		return nil
	}
	return []string{strconv.FormatBool(*b)}
}

// metric returns the values that the conversation's sessions have of a metric.
func (c *conversation) metric(name string) []string {
	var values []string
	for i := range c.Participants {
		for k := range c.Participants[i].Sessions {
			for _, m := range c.Participants[i].Sessions[k].Metrics {
				if m.Name == name {
					values = append(values, strconv.FormatInt(m.Value, 10))
				}
			}
		}
	}
	return values
}

func segmentThings(c *conversation) []thing {
	var all []thing
	for i := range c.Participants {
		p := &c.Participants[i]
		for k := range p.Sessions {
			s := &p.Sessions[k]
			for n := range s.Segments {
				all = append(all, func(name string) []string { return segmentValues(p, s, &s.Segments[n], name) })
			}
		}
	}
	return all
}

func segmentValues(p *participant, s *session, g *segment, name string) []string {
	switch name {
	case "mediaType":
		return some(s.MediaType)
	case "direction":
		return some(s.Direction)
	case "queueId":
		return some(g.QueueID)
	case "purpose":
		return some(p.Purpose)
	case "userId":
		return some(p.UserID)
	case "participantId":
		return some(p.ParticipantID)
	case "participantName":
		return some(p.ParticipantName)
	case "sessionId":
		return some(s.SessionID)
	case "provider":
		return some(s.Provider)
	case "ani":
		return some(s.ANI)
	case "dnis":
		return some(s.DNIS)
	case "addressFrom":
		return some(s.AddressFrom)
	case "addressTo":
		return some(s.AddressTo)
	case "segmentType":
		return some(g.SegmentType)
	case "segmentEnd":
		return some(g.SegmentEnd)
	case "disconnectType":
		return some(g.DisconnectType)
	case "wrapUpCode":
		return some(g.WrapUpCode)
	case "wrapUpNote":
		return some(g.WrapUpNote)
	case "requestedRoutingSkillId":
		return g.SkillIDs
	case "flowId":
		if s.Flow != nil {
			return some(s.Flow.FlowID)
		}
	case "tSegmentDuration":
		if g.SegmentEnd != "" {
			return []string{strconv.FormatInt(g.duration, 10)}
		}
	}
	return nil
}

func evaluationThings(c *conversation) []thing {
	var all []thing
	for _, e := range c.Evaluations {
		all = append(all, named(map[string]string{
			"contextId": e.ContextID, "evaluationId": e.EvaluationID, "evaluatorId": e.EvaluatorID, "eventTime": e.EventTime,
			"evaluationStatus": e.Status, "formId": e.FormID, "queueId": e.QueueID, "userId": e.UserID,
			"oTotalScore": strconv.FormatInt(e.Score, 10), "oTotalCriticalScore": strconv.FormatInt(e.CriticalScore, 10),
		}))
	}
	return orNone(all)
}

func surveyThings(c *conversation) []thing {
	var all []thing
	for _, s := range c.Surveys {
		all = append(all, named(map[string]string{
			"eventTime": s.EventTime, "queueId": s.QueueID, "surveyFormId": s.FormID, "surveyId": s.SurveyID, "surveyStatus": s.Status,
			"surveyPromoterScore": strconv.Itoa(s.PromoterScore), "userId": s.UserID, "oSurveyTotalScore": strconv.FormatInt(s.Score, 10),
		}))
	}
	return orNone(all)
}

func resolutionThings(c *conversation) []thing {
	var all []thing
	for _, r := range c.Resolutions {
		all = append(all, named(map[string]string{
			"eventTime": r.EventTime, "queueId": r.QueueID, "userId": r.UserID, "nNextContactAvoided": strconv.FormatInt(r.Avoided, 10),
		}))
	}
	return orNone(all)
}

// orNone stands one thing that has nothing in for no things, so that notExists holds.
func orNone(all []thing) []thing {
	if len(all) == 0 {
		return []thing{named(nil)}
	}
	return all
}

func named(values map[string]string) thing {
	return func(name string) []string { return some(values[name]) }
}
