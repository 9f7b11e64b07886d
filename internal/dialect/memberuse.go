package dialect

// A memberUse is what the name of a member in the JSON body of a request says of what the
// request does.
type memberUse uint16

const (
	isParameter     memberUse = 1 << iota // calls to models have it
	isModel                               // it names the model
	isConversation                        // a list of messages with roles
	isPrompt                              // a model goes on from it
	isTuning                              // it tunes a model, and nothing else has it
	holdsParameters                       // an object of parameters
	hasServerAct                          // the server does more than to compute an answer
	isToward                              // somebody gets the message, or it is kept
	isState                               // the state that a write is to replace
	isVersionNumber                       // likewise, if it is a number
	holdsNotes                            // an object to which notes are added
	isNote                                // such a note
)

// memberUses are by their folded names, each with all that is known of it.
var memberUses = membersOf([]namedMembers{
	{isParameter | isModel, []string{"model", "model_id"}},
	{isParameter | isConversation | isPrompt, []string{"messages", "contents", "input"}},
	{isParameter | isPrompt, []string{"prompt", "inputs", "instances", "inputText", "input_prefix", "input_suffix", "text_input", "query", "texts", "documents", "text", "content",
		"requests", "document", "image", "images", "tokens", "message"}},
	{isParameter | holdsParameters, []string{"parameters"}},

	// How a model is to go on, by names that nothing else has.
	{isParameter | isTuning, []string{"n_predict", "num_predict", "max_tokens", "max_new_tokens", "max_output_tokens", "max_completion_tokens", "min_new_tokens", "min_tokens",
		"max_context_length", "max_length", "num_ctx", "top_p", "top_k", "top_a", "min_p", "typical_p", "generationConfig", "inferenceConfig", "textGenerationConfig",
		"repetition_penalty", "repeat_penalty", "rep_pen", "frequency_penalty", "presence_penalty", "stop_sequences", "do_sample"}},

	// OpenAI's, Anthropic's, Gemini's and Bedrock's parameters.
	{isParameter, []string{"audio", "dimensions", "encoding_format", "function_call", "functions", "include", "input_type", "instructions", "logit_bias", "logprobs", "max_tool_calls",
		"metadata", "modalities", "n", "parallel_tool_calls", "prediction", "previous_response_id", "prompt_cache_key", "prompt_cache_retention", "quality", "reasoning",
		"reasoning_effort", "response_format", "safety_identifier", "seed", "service_tier", "size", "speed", "stop", "stream", "stream_options", "style", "suffix", "temperature",
		"tool_choice", "tools", "top_logprobs", "truncation", "user", "verbosity", "voice", "web_search_options",
		"anthropic_beta", "anthropic_version", "cache_control", "context_management", "output_config", "output_format", "system", "thinking",
		"cachedContent", "safetySettings", "systemInstruction", "toolConfig",
		"additionalModelRequestFields", "additionalModelResponseFieldPaths", "guardrailConfig", "performanceConfig", "promptVariables"}},

	// Those of servers of open models, and of gateways.
	{isParameter, []string{"adapter_id", "add_bos_token", "add_generation_prompt", "add_special_tokens", "allowed_token_ids", "bad_words", "ban_eos_token", "best_of", "cache_prompt", "cache_salt",
		"candidate_labels", "chat_template", "chat_template_kwargs", "context", "continue_final_message", "decoder_input_details", "decoding_method", "details", "dry_allowed_length", "dry_base", "dry_multiplier",
		"dry_penalty_last_n", "dry_sequence_breakers", "dynatemp_exponent", "dynatemp_range", "early_stopping", "echo", "enable_search", "enable_thinking", "format", "genkey", "grammar",
		"guided_choice", "guided_decoding_backend", "guided_grammar", "guided_json", "guided_regex", "guided_whitespace_pattern", "id_slot", "ignore_eos", "image_data",
		"include_reasoning", "include_stop_str_in_output", "incremental_output", "input_extra", "json_schema", "keep_alive", "length_penalty", "logits_processors", "lora", "max_time",
		"min_keep", "mirostat", "mirostat_eta", "mirostat_tau", "mm_processor_kwargs", "models", "multimodal_data", "n_discard", "n_indent", "n_keep", "n_probs", "normalize", "num_beams",
		"num_return_sequences", "options", "penalize_nl", "post_sampling_probs", "preamble", "priority", "prompt_logprobs", "prompt_mode", "provider", "quiet", "random_seed", "rank_fields", "raw",
		"raw_scores", "reasoning_format", "regex", "rep_pen_range", "rep_pen_slope", "repeat_last_n", "response_fields", "result_format", "return_documents", "return_full_text", "return_progress", "return_text",
		"return_token_ids", "return_tokens", "return_tokens_as_token_ids", "safe_prompt", "sampler_order", "samplers", "sampler_seed", "singleline", "skip_special_tokens",
		"spaces_between_special_tokens", "stop_sequence", "stop_token_ids", "structured_outputs", "t_max_predict_ms", "template", "tfs", "tfs_z", "think", "thinking_budget",
		"timings_per_token", "top_n", "top_n_tokens", "transforms", "trim_stop", "truncate", "truncate_prompt_tokens", "typical", "use_authors_note", "use_beam_search", "use_default_badwordsids", "use_memory", "use_story", "use_world_info",
		"use_raw_prompt", "watermark", "xtc_probability", "xtc_threshold", "outputs"}},

	// Work that goes on after the answer, that is kept with others' in one place, or that
	// servers of others do.
	{hasServerAct, []string{"background", "conversation", "mcp_servers", "connectors", "webhook", "webhook_url", "callback_url", "callback", "notify_hook", "notify_url"}},

	// Whom or what a message goes to, what is done with it, and what a call is said to
	// have come to. No API of a model asks for them.
	{isToward, []string{"to", "cc", "bcc", "recipient", "recipients", "recipient_id", "recipient_email", "channel", "channel_id", "room", "room_id", "chat_id", "thread_id",
		"phone", "phone_number", "email", "customer", "customer_id", "order", "order_id", "ticket_id", "destination", "reply_to", "parent_message_id", "conversation_id",
		"send", "publish", "persist", "save", "notify", "schedule", "execute", "auto_execute", "upsert", "archive", "attach_to", "queue", "dataset", "amount",
		"completion", "response", "output", "cost", "latency_ms", "rating", "feedback"}},

	// Optimistic locks: Kubernetes' (in metadata), CouchDB's, GitHub's and Gitea's, Vault's
	// (in options), Nomad's, Google's, and what others call theirs.
	{isState, []string{"resourceVersion", "_rev", "rev", "sha", "cas", "EnforceIndex", "ModifyIndex", "fingerprint", "etag", "_etag", "@odata.etag", "if_seq_no", "if_match",
		"lock_version", "row_version", "expected_version", "concurrency_stamp", "sync_token", "updated_stamp", "revision",
		"object_version", "base_version", "base_revision", "previous_version", "current_version", "version_number"}},
	{isVersionNumber, []string{"version"}}, // Confluence's, Bitbucket's, Square's

	// Zendesk's tickets, Redmine's issues and what Jira updates get comments by PUT, and so
	// do Bugzilla's bugs, by an object, and ServiceNow's records.
	{holdsNotes, []string{"ticket", "issue", "update"}},
	{isNote, []string{"comment", "notes", "worklog"}},
	{isState, []string{"comments", "work_notes", "$inc", "$push", "increment", "delta", "append"}}, // what adds to the state depends on it
})

type namedMembers struct {
	is    memberUse
	names []string
}

func membersOf(lists []namedMembers) map[uint64]memberUse {
	all := make(map[uint64]memberUse)
	for _, list := range lists {
		for _, name := range list.names {
			all[fold(name)] |= list.is
		}
	}
	return all
}

// roles are those of a conversation with a model. A customer's and an agent's are of
// one between people.
var roles = keySet("system", "developer", "user", "assistant", "tool", "function", "model", "chatbot", "ai", "bot", "human", "ipython")
