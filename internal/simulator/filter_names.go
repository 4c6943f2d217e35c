package simulator

import (
	"slices"
	"strconv"
	"strings"
)

// The names that filters of each kind may use, as the public API lists them. What the
// simulator's conversations do not have does not exist for a filter.
var (
	conversationGrammar = grammar{"Conversation", strings.Fields(`
accessAttribute conversationEnd conversationId conversationInitiator conversationStart customerParticipation divisionId
externalTag mediaStatsMinConversationMos originatingDirection originatingSocialMediaPublic`), strings.Fields(`
nAgentDeclined nAlertExpired nBlindTransferred nBotInteractions nCallbackAttempts nCallbackOverSla nCallbackScheduled
nCfcOffered nCobrowseSessions nConnected nConsult nConsultTransferred nConversations nError nFlow nFlowMilestone
nFlowOutcome nFlowOutcomeFailed nOffered nOutbound nOutboundAbandoned nOutboundAttempted nOutboundConnected nOverSla
nStateTransitionError nTakeover nTransferred oAudioMessageCount oExternalAudioMessageCount oExternalMediaCount
oFlowMilestone oMediaCount oMessageCount oMessageSegmentCount oMessageTurn oSkillExpressionApplications tAbandon tAcd
tActiveCallback tActiveCallbackComplete tAcw tAgentResponseTime tAgentVideoConnected tAlert tAnswered
tAverageAgentResponseTime tAverageCustomerResponseTime tBarging tCallbackAbandon tCallbackConnect tCallbackNotReached
tCallbackVirtualWait tCfcAbandon tCfcAcd tCfcAnswered tCfcFlowOut tCoaching tCoachingComplete tConnected tContacting
tConversationDuration tDialing tFirstConnect tFirstDial tFirstEngagement tFirstResponse tFlow tFlowDisconnect tFlowExit
tFlowOut tFlowOutcome tHandle tHeld tHeldComplete tIvr tMonitoring tMonitoringComplete tNotResponding tPark
tParkComplete tScreenMonitoring tShortAbandon tSnippetRecord tTalk tTalkComplete tTransmitting tUserResponseTime
tVoicemail`), conversationThings}

	segmentGrammar = grammar{"Segment", strings.Fields(`
addressFrom addressTo agentAssistantId agentOwned ani authenticated bargedParticipantId callbackNumber
callbackScheduledTime canonicalExternalContactId cleared coachedParticipantId conference deliveryPushed deliveryStatus
destinationAddress destinationConversationId detectedSpeechEnd detectedSpeechStart direction disconnectType dnis edgeId
engagementSource errorCode exitReason extendedDeliveryStatus externalContactId externalOrganizationId flaggedReason
flowId flowName flowOutType flowOutcome flowOutcomeId flowOutcomeValue flowVersion groupId journeyActionId
journeyActionMapId journeyCustomerId journeyCustomerIdType journeyCustomerSessionId mediaCount mediaType messageType
monitoredParticipantId outboundCampaignId outboundContactId outboundContactListId participantName protocolCallId
provider purpose queueId recording remote remoteNameDisplayable requestedLanguageId requestedRouting
requestedRoutingSkillId scoredAgentId screenMonitoredUserId screenRecording scriptId segmentEnd segmentType sessionDnis
sipResponseCode skillExpressionId snippetRecording subject teamId transferTargetAddress transferTargetName transferType
usedRouting userId wrapUpCode wrapUpNote`), []string{"tSegmentDuration"}, segmentThings}

	evaluationGrammar = grammar{"Evaluation", strings.Fields(`
assigneeApplicable assigneeId calibrationId contextId deleted evaluationId evaluationStatus evaluatorId eventTime formId
formName queueId released rescored systemSubmitted userId`), []string{"oTotalCriticalScore", "oTotalScore"}, evaluationThings}

	surveyGrammar = grammar{"Survey", strings.Fields(`
eventTime queueId surveyCompletedDate surveyFormContextId surveyFormId surveyId surveyPartialResponse surveyPromoterScore
surveyStatus surveyType userId`), []string{"oSurveyTotalScore"}, surveyThings}

	resolutionGrammar = grammar{"Resolution", nil, []string{"nNextContactAvoided"}, resolutionThings}
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

// segmentValues are those of the segment, of its session, of the session's flow and of the participant.
func segmentValues(p *participant, s *session, g *segment, name string) []string {
	switch name {
	case "conference":
		return yesOrNo(g.Conference)
	case "disconnectType":
		return some(g.DisconnectType)
	case "queueId":
		return some(g.QueueID)
	case "requestedLanguageId":
		return some(g.LanguageID)
	case "requestedRoutingSkillId":
		return g.SkillIDs
	case "segmentEnd":
		return some(g.SegmentEnd)
	case "segmentType":
		return some(g.SegmentType)
	case "sipResponseCode":
		var codes []string
		for _, code := range g.SIPCodes {
			codes = append(codes, strconv.Itoa(code))
		}
		return codes
	case "subject":
		return some(g.Subject)
	case "tSegmentDuration":
		if g.SegmentEnd != "" {
			return []string{strconv.FormatInt(g.duration, 10)}
		}
		return nil
	case "wrapUpCode":
		return some(g.WrapUpCode)
	case "wrapUpNote":
		return some(g.WrapUpNote)
	}
	return slices.Concat(p.values(name), s.values(name), s.Flow.values(name))
}

func (p *participant) values(name string) []string {
	switch name {
	case "externalContactId":
		return some(p.ExternalContactID)
	case "participantName":
		return some(p.ParticipantName)
	case "purpose":
		return some(p.Purpose)
	case "screenRecording":
		return yesOrNo(p.ScreenRecording)
	case "userId":
		return some(p.UserID)
	}
	return nil
}

func (s *session) values(name string) []string {
	switch name {
	case "addressFrom":
		return some(s.AddressFrom)
	case "addressTo":
		return some(s.AddressTo)
	case "ani":
		return some(s.ANI)
	case "callbackNumber":
		return s.CallbackNumbers
	case "direction":
		return some(s.Direction)
	case "dnis":
		return some(s.DNIS)
	case "edgeId":
		return some(s.EdgeID)
	case "mediaType":
		return some(s.MediaType)
	case "messageType":
		return some(s.MessageType)
	case "protocolCallId":
		return some(s.ProtocolCallID)
	case "provider":
		return some(s.Provider)
	case "recording":
		return yesOrNo(s.Recording)
	case "remote":
		return some(s.Remote)
	case "requestedRouting":
		return s.RequestedRoutings
	case "sessionDnis":
		return some(s.SessionDNIS)
	case "usedRouting":
		return some(s.UsedRouting)
	}
	return nil
}

// values has none for a session that was in no flow, which is nil.
func (f *flow) values(name string) []string {
	if f == nil {
		return nil
	}
	switch name {
	case "exitReason":
		return some(f.ExitReason)
	case "flowId":
		return some(f.FlowID)
	case "flowName":
		return some(f.FlowName)
	case "flowVersion":
		return some(f.FlowVersion)
	}
	var values []string
	for _, o := range f.Outcomes {
		switch name {
		case "flowOutcome":
			values = append(values, o.Outcome)
		case "flowOutcomeId":
			values = append(values, o.ID)
		case "flowOutcomeValue":
			values = append(values, o.Value)
		}
	}
	return values
}

func evaluationThings(c *conversation) []thing {
	var all []thing
	for _, e := range c.Evaluations {
		all = append(all, named(map[string]string{
			"contextId": e.ContextID, "evaluationId": e.EvaluationID, "evaluatorId": e.EvaluatorID, "eventTime": e.EventTime,
			"evaluationStatus": e.Status, "formId": e.FormID, "formName": e.FormName, "released": strconv.FormatBool(e.Released),
			"rescored": strconv.FormatBool(e.Rescored), "queueId": e.QueueID, "userId": e.UserID,
			"oTotalScore": strconv.FormatInt(e.Score, 10), "oTotalCriticalScore": strconv.FormatInt(e.CriticalScore, 10),
		}))
	}
	return orNone(all)
}

func surveyThings(c *conversation) []thing {
	var all []thing
	for _, s := range c.Surveys {
		all = append(all, named(map[string]string{
			"eventTime": s.EventTime, "queueId": s.QueueID, "surveyFormId": s.FormID, "surveyId": s.SurveyID, "surveyStatus": s.Status, "surveyType": s.Type,
			"surveyPromoterScore": strconv.Itoa(s.PromoterScore), "userId": s.UserID, "oSurveyTotalScore": strconv.FormatInt(s.Score, 10),
		}))
	}
	return orNone(all)
}

func resolutionThings(c *conversation) []thing {
	var all []thing
	for _, r := range c.Resolutions {
		all = append(all, named(map[string]string{"nNextContactAvoided": strconv.FormatInt(r.Avoided, 10)}))
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
