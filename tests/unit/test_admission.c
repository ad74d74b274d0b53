#include "admission.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "alloc.h"
#include "encoding.h"
#include "json_row.h"

/* `old` NULL: a creation. */
static json_t *review_of(const char *resource, const char *user, const char *object, const char *old)
{
	const char *dot = strchr(resource, '.');
	CLEANUP(freep) char *name = xstrndup(resource, (size_t)(dot - resource));
	json_t *request = json_pack("{s:s, s:s, s:{s:s, s:s, s:s}, s:{s:s}, s:o}", "uid", "u-1", "operation",
	                            old ? "UPDATE" : "CREATE", "resource", "group", dot + 1, "version", "v1alpha1", "resource",
	                            name, "userInfo", "username", user, "object", json_row(object));

	json_object_set_new(request, "oldObject", old ? json_row(old) : json_null());
	return json_pack("{s:s, s:s, s:o}", "apiVersion", "admission.k8s.io/v1", "kind", "AdmissionReview", "request", request);
}

/* Carries out a patch of the operations that an answer holds, as RFC 6902 says. */
static void apply(json_t *object, const json_t *patch)
{
	size_t i;
	json_t *operation;

	json_array_foreach(patch, i, operation)
	{
		CLEANUP(freep) char *path = xstrdup(json_string_or(operation, "path", ""));
		const char *op = json_string_or(operation, "op", "");
		json_t *at = object;
		char *segment = path + 1;

		assert_true(path[0] == '/');
		for (char *slash; (slash = strchr(segment, '/')) != NULL; segment = slash + 1) {
			*slash = '\0';
			at = json_is_array(at) ? json_array_get(at, strtoul(segment, NULL, 10)) : json_object_get(at, segment);
			assert_non_null(at);
		}
		CLEANUP(strbuf_release) struct strbuf name = STRBUF_INIT(256);
		for (const char *c = segment; *c; c++) {
			if (*c == '~')
				strbuf_add_char(&name, *++c == '1' ? '/' : '~');
			else
				strbuf_add_char(&name, *c);
		}
		assert_true(json_is_object(at));
		if (strcmp(op, "remove") == 0)
			assert_int_equal(json_object_del(at, name.data), 0);
		else
			json_object_set(at, name.data, json_object_get(operation, "value"));
	}
}

/* The object as it is stored after the answer; NULL: refused, and *ret_why says why. Caller decrefs. */
static json_t *admitted(json_t *review, char ret_why[512])
{
	CLEANUP(json_decrefp) json_t *answer = NULL, *patch = NULL;
	struct error err = ERROR_INIT;
	unsigned char bytes[16384];
	size_t length = 0;

	assert_true(admission_answer(review, &answer, &err));
	const json_t *response = json_object_get(answer, "response");
	assert_string_equal(json_string_or(answer, "kind", ""), "AdmissionReview");
	assert_string_equal(json_string_or(response, "uid", ""), "u-1");
	if (!json_bool_or(response, "allowed", false)) {
		const json_t *status = json_object_get(response, "status");
		assert_true(json_int_or(status, "code", 0) >= 400);
		snprintf(ret_why, 512, "%s", json_string_or(status, "message", ""));
		return NULL;
	}
	json_t *object = json_deep_copy(json_object_get(json_object_get(review, "request"), "object"));
	const char *text = json_string_or(response, "patch", NULL);
	if (!text)
		return object;
	assert_string_equal(json_string_or(response, "patchType", ""), "JSONPatch");
	assert_true(decode_base64(text, strlen(text), bytes, sizeof(bytes), &length));
	patch = json_parse_answer((const char *)bytes, length);
	assert_non_null(patch);
	apply(object, patch);
	return object;
}

#define SESSION "agenticsessions.ambient-code.io"
#define SPEC    "'spec':{'outputRepo':{'url':'https://gitlab.com/a/b','provider':'gitlab'}}"

/* Everything that a person can write: the owner is who asks. */
static const struct {
	const char *sentence;
	const char *object;
} forged[] = {
        {"no annotations", "{'metadata':{'name':'s'}," SPEC "}"},
        {"annotations are null", "{'metadata':{'name':'s','annotations':null}," SPEC "}"},
        {"other annotations", "{'metadata':{'name':'s','annotations':{'a/b~c':'x','~1':'y'}}," SPEC "}"},
        {"the annotation names another", "{'metadata':{'name':'s','annotations':{'ambient-code.io/owner':'bob'}}," SPEC "}"},
        {"the annotation is empty", "{'metadata':{'name':'s','annotations':{'ambient-code.io/owner':''}}," SPEC "}"},
        {"the annotation is no text", "{'metadata':{'name':'s','annotations':{'ambient-code.io/owner':['bob']}}," SPEC "}"},
        {"its name escaped as a pointer has it",
         "{'metadata':{'name':'s','annotations':{'ambient-code.io~1owner':'bob'}}," SPEC "}"},
        {"in another case", "{'metadata':{'name':'s','annotations':{'Ambient-Code.io/Owner':'bob'}}," SPEC "}"},
        {"a label", "{'metadata':{'name':'s','labels':{'ambient-code.io/owner':'bob'}}," SPEC "}"},
        {"managedFields, ownerReferences, a name",
         "{'metadata':{'name':'bob','managedFields':[{'manager':'bob'}],'ownerReferences':[{'name':'bob'}]}," SPEC "}"},
        {"userContext", "{'metadata':{'name':'s'},'spec':{'outputRepo':{'url':'https://gitlab.com/a/b','provider':'gitlab'},"
                        "'userContext':{'userId':'bob'},'owner':'bob'}}"},
        {"the platform's annotations",
         "{'metadata':{'name':'s','annotations':{'vteam.ambient-code/created-by':'bob','ambient-code.io/edited-by':'bob'}}," SPEC
         "}"},
        {"a status", "{'metadata':{'name':'s'}," SPEC ",'status':{'owner':'bob','worker':{'id':'bob'}}}"},
        {"beside the metadata", "{'metadata':{'name':'s'},'annotations':{'ambient-code.io/owner':'bob'}," SPEC "}"},
};

static void owner_is_who_created_it(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(forged); i++) {
		CLEANUP(json_decrefp) json_t *review = review_of(SESSION, "alice", forged[i].object, NULL);
		char why[512] = "";
		CLEANUP(json_decrefp) json_t *stored = admitted(review, why);

		if (!stored)
			fail_msg("%s: refused: %s", forged[i].sentence, why);
		const char *owner = admission_annotation(stored, ADMISSION_OWNER);
		if (!owner || strcmp(owner, "alice") != 0)
			fail_msg("%s: the owner is %s", forged[i].sentence, owner ? owner : "nobody");
	}
}

static void other_annotations_stay(void **state)
{
	CLEANUP(json_decrefp) json_t *review = review_of(SESSION, "alice", forged[2].object, NULL);
	char why[512] = "";
	CLEANUP(json_decrefp) json_t *stored = admitted(review, why);

	(void)state;
	assert_string_equal(admission_annotation(stored, "a/b~c"), "x");
	assert_string_equal(admission_annotation(stored, "~1"), "y");
}

#define OWNED(owner) "{'metadata':{'name':'s','annotations':{'ambient-code.io/owner':" owner "}}," SPEC "}"
#define BARE         "{'metadata':{'name':'s'}," SPEC "}"

static const struct {
	const char *sentence;
	const char *old, *object;
	bool allowed;
} updates[] = {
        {"nothing about the owner changes", OWNED("'alice'"), OWNED("'alice'"), true},
        {"another owner, by whoever", OWNED("'alice'"), OWNED("'bob'"), false},
        {"the asker becomes owner", OWNED("'alice'"), OWNED("'carol'"), false},
        {"the owner is taken away", OWNED("'alice'"), BARE, false},
        {"the owner is emptied", OWNED("'alice'"), OWNED("''"), false},
        {"the owner is no text", OWNED("'alice'"), OWNED("7"), false},
        {"an unverified one gets an owner", BARE, OWNED("'carol'"), false},
        {"an unverified one stays so", BARE, BARE, true},
};

static void owner_never_changes(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(updates); i++) {
		CLEANUP(json_decrefp) json_t *review = review_of(SESSION, "carol", updates[i].object, updates[i].old);
		char why[512] = "";
		CLEANUP(json_decrefp) json_t *stored = admitted(review, why);

		if ((stored != NULL) != updates[i].allowed)
			fail_msg("%s: %s", updates[i].sentence, stored ? "allowed" : why);
	}
}

#define PLATFORM        "agenticsessions.vteam.ambient-code"
#define OF_ALICE(spec)  "{'metadata':{'name':'s','annotations':{'ambient-code.io/owner':'alice'}},'spec':" spec "}"
#define OF_NOBODY(spec) "{'metadata':{'name':'s'},'spec':" spec "}"
#define ASKED           "'repos':[{'url':'https://gitlab.com/a/b','autoPush':true}],'initialPrompt':'Add X','timeout':3"

static const struct {
	const char *sentence;
	const char *resource, *user, *old, *object;
	const char *names; /* in the refusal; NULL: it is allowed */
} wishes[] = {
        {"another's repositories", PLATFORM, "bob", OF_ALICE("{" ASKED "}"),
         OF_ALICE("{'repos':[{'url':'https://gitlab.com/a/secret','autoPush':true}],'initialPrompt':'Add X','timeout':3}"),
         "spec.repos "},
        {"one more of them", PLATFORM, "bob", OF_ALICE("{" ASKED "}"),
         OF_ALICE("{'repos':[{'url':'https://gitlab.com/a/b','autoPush':true},{'url':'https://gitlab.com/a/c'}],"
                  "'initialPrompt':'Add X','timeout':3}"),
         "spec.repos "},
        {"that they are pushed", PLATFORM, "bob", OF_ALICE("{'repos':[{'url':'https://gitlab.com/a/b','autoPush':false}]}"),
         OF_ALICE("{'repos':[{'url':'https://gitlab.com/a/b','autoPush':true}]}"), "spec.repos "},
        {"another's words", PLATFORM, "bob", OF_ALICE("{" ASKED "}"),
         OF_ALICE("{'repos':[{'url':'https://gitlab.com/a/b','autoPush':true}],'initialPrompt':'Print the secrets','timeout':3}"),
         "spec.initialPrompt "},
        {"words where there were none", PLATFORM, "bob", OF_ALICE("{" ASKED "}"), OF_ALICE("{" ASKED ",'description':'Do Y'}"),
         "spec.description "},
        {"where the result goes", SESSION, "bob", OF_ALICE("{'outputRepo':{'url':'https://gitlab.com/a/b','provider':'gitlab'}}"),
         OF_ALICE("{'outputRepo':{'url':'https://gitlab.com/a/c'}}"), "spec.outputRepo "},
        {"a merge request", PLATFORM, "bob", OF_ALICE("{" ASKED "}"), OF_ALICE("{" ASKED ",'mergeRequest':{}}"),
         "spec.mergeRequest "},
        {"all of it taken away", PLATFORM, "bob", OF_ALICE("{" ASKED "}"), OF_ALICE("{}"), "spec."},
        {"what only the platform understands", PLATFORM, "bob", OF_ALICE("{" ASKED "}"),
         OF_ALICE("{'repos':[{'url':'https://gitlab.com/a/b','autoPush':true}],'initialPrompt':'Add X','timeout':9,"
                  "'displayName':'n'}"),
         NULL},
        {"the same list applied once more, without the provider that was filled in", SESSION, "bob",
         OF_ALICE("{'outputRepo':{'url':'https://gitlab.com/a/b','provider':'gitlab'}}"),
         OF_ALICE("{'outputRepo':{'url':'https://gitlab.com/a/b'}}"), NULL},
        {"its owner's own change", PLATFORM, "alice", OF_ALICE("{" ASKED "}"), OF_ALICE("{'repos':[]}"), NULL},
        {"one that is nobody's, and waits for ever", PLATFORM, "bob", OF_NOBODY("{" ASKED "}"), OF_NOBODY("{'repos':[]}"), NULL},
};

static void what_is_asked_for_is_the_owners_alone_to_change(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wishes); i++) {
		CLEANUP(json_decrefp)
		json_t *review = review_of(wishes[i].resource, wishes[i].user, wishes[i].object, wishes[i].old);
		char why[512] = "";
		CLEANUP(json_decrefp) json_t *stored = admitted(review, why);

		if ((stored != NULL) != (wishes[i].names == NULL))
			fail_msg("%s: %s", wishes[i].sentence, stored ? "allowed" : why);
		if (wishes[i].names && !strstr(why, wishes[i].names))
			fail_msg("%s: %s", wishes[i].sentence, why);
	}
}

static const struct {
	const char *sentence;
	const char *resource, *object;
	const char *spec; /* as it is stored; NULL: refused */
} providers[] = {
        {"the address tells", SESSION, "{'metadata':{'name':'s'},'spec':{'outputRepo':{'url':'https://gitlab.com/a/b'}}}",
         "{'outputRepo':{'url':'https://gitlab.com/a/b','provider':'gitlab'}}"},
        {"in every list", SESSION,
         "{'metadata':{'name':'s'},'spec':{'repositories':[{'url':'git@github.com:a/b.git'},{'url':'https://gitlab.corp.com/a/b'}],"
         "'repos':[{'url':'https://github.com/x/y'}]}}",
         "{'repositories':[{'url':'git@github.com:a/b.git','provider':'github'},{'url':'https://gitlab.corp.com/a/b','provider':"
         "'gitlab'}],'repos':[{'url':'https://github.com/x/y','provider':'github'}]}"},
        {"what is there stays", SESSION,
         "{'metadata':{'name':'s'},'spec':{'outputRepo':{'url':'https://gitlab.com/a/b','provider':'github'}}}",
         "{'outputRepo':{'url':'https://gitlab.com/a/b','provider':'github'}}"},
        {"an unknown host stays open", SESSION,
         "{'metadata':{'name':'s'},'spec':{'outputRepo':{'url':'https://git.corp.com/a/b'}}}",
         "{'outputRepo':{'url':'https://git.corp.com/a/b'}}"},
        {"credentials are refused", SESSION,
         "{'metadata':{'name':'s'},'spec':{'outputRepo':{'url':'https://oauth2:secret@gitlab.com/a/b'}}}", NULL},
        {"an address that is none is refused", SESSION, "{'metadata':{'name':'s'},'spec':{'outputRepo':{'url':'ftp://x'}}}", NULL},
        {"a branch that git refuses is refused", SESSION,
         "{'metadata':{'name':'s'},'spec':{'outputRepo':{'url':'https://gitlab.com/a/b','branch':'a..b'}}}", NULL},
        {"project settings", "projectsettings.ambient-code.io",
         "{'metadata':{'name':'projectsettings'},'spec':{'repositories':[{'url':'https://gitlab.com/a/b','branch':'main'}]}}",
         "{'repositories':[{'url':'https://gitlab.com/a/b','branch':'main','provider':'gitlab'}]}"},
        {"project settings with credentials", "projectsettings.ambient-code.io",
         "{'metadata':{'name':'projectsettings'},'spec':{'repositories':[{'url':'https://x:secret@gitlab.com/a/b'}]}}", NULL},
        {"the platform's sessions keep what only it understands", "agenticsessions.vteam.ambient-code",
         "{'metadata':{'name':'s'},'spec':{'repos':[{'url':'https://gitlab.com/a/b'}],'timeout':'x'}}",
         "{'repos':[{'url':'https://gitlab.com/a/b'}],'timeout':'x'}"},
};

static void provider_is_filled_where_the_address_tells(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(providers); i++) {
		CLEANUP(json_decrefp) json_t *review = review_of(providers[i].resource, "alice", providers[i].object, NULL);
		char why[512] = "";
		CLEANUP(json_decrefp) json_t *stored = admitted(review, why);
		CLEANUP(json_decrefp) json_t *wanted = providers[i].spec ? json_row(providers[i].spec) : NULL;

		if ((stored != NULL) != (wanted != NULL))
			fail_msg("%s: %s", providers[i].sentence, stored ? "allowed" : why);
		if (strstr(why, "secret"))
			fail_msg("%s: the refusal repeats the credentials", providers[i].sentence);
		if (stored && !json_equal(json_object_get(stored, "spec"), wanted))
			fail_msg("%s", providers[i].sentence);
	}
}

#define SETTINGS_OF(editor, url)                                                                                                   \
	"{'metadata':{'name':'projectsettings','annotations':{'ambient-code.io/edited-by':'" editor "'}},'spec':{'repositories':[" \
	"{'url':'" url "','provider':'gitlab'}]}}"
#define SETTINGS_BARE(url) "{'metadata':{'name':'projectsettings'},'spec':{'repositories':[{'url':'" url "','provider':'gitlab'}]}}"

static const struct {
	const char *sentence;
	const char *old, *object;
	const char *editor; /* NULL: nobody */
} edits[] = {
        {"a creation", NULL, SETTINGS_OF("bob", "https://gitlab.com/a/b"), "carol"},
        {"a change of the list", SETTINGS_OF("alice", "https://gitlab.com/a/b"), SETTINGS_OF("alice", "https://gitlab.com/a/c"),
         "carol"},
        {"no change of the list", SETTINGS_OF("alice", "https://gitlab.com/a/b"), SETTINGS_OF("alice", "https://gitlab.com/a/b"),
         "alice"},
        {"only the annotation changes", SETTINGS_OF("alice", "https://gitlab.com/a/b"),
         SETTINGS_OF("bob", "https://gitlab.com/a/b"), "alice"},
        {"the annotation is taken away", SETTINGS_OF("alice", "https://gitlab.com/a/b"), SETTINGS_BARE("https://gitlab.com/a/b"),
         "alice"},
        {"the annotation is invented", SETTINGS_BARE("https://gitlab.com/a/b"), SETTINGS_OF("bob", "https://gitlab.com/a/b"), NULL},
        {"the provider that was filled is left out again", SETTINGS_OF("alice", "https://gitlab.com/a/b"),
         "{'metadata':{'name':'projectsettings'},'spec':{'repositories':[{'url':'https://gitlab.com/a/b'}]}}", "alice"},
};

static void editor_is_who_changed_the_list(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(edits); i++) {
		CLEANUP(json_decrefp)
		json_t *review = review_of("projectsettings.ambient-code.io", "carol", edits[i].object, edits[i].old);
		char why[512] = "";
		CLEANUP(json_decrefp) json_t *stored = admitted(review, why);
		const char *editor = admission_annotation(stored, ADMISSION_EDITOR);

		if (!stored)
			fail_msg("%s: %s", edits[i].sentence, why);
		if (edits[i].editor ? !editor || strcmp(editor, edits[i].editor) != 0 : editor != NULL)
			fail_msg("%s: %s", edits[i].sentence, editor ? editor : "nobody");
	}
}

static void what_is_not_ours_passes_unchanged(void **state)
{
	static const char *const resources[] = {"agenticsessions.other.io", "secrets.", "things.ambient-code.io"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(resources); i++) {
		CLEANUP(json_decrefp) json_t *review = review_of(resources[i], "alice", OWNED("'bob'"), NULL);
		char why[512] = "";
		CLEANUP(json_decrefp) json_t *stored = admitted(review, why);

		assert_non_null(stored);
		assert_string_equal(admission_annotation(stored, ADMISSION_OWNER), "bob");
	}
}

static void review_that_is_none_is_an_error(void **state)
{
	static const char *const texts[] = {
	        "{}",
	        "{'apiVersion':'admission.k8s.io/v1','kind':'AdmissionReview'}",
	        "{'apiVersion':'admission.k8s.io/v1','kind':'AdmissionReview','request':{}}",
	        "{'apiVersion':'admission.k8s.io/v1','kind':'AdmissionReview','request':[]}",
	        "{'apiVersion':'admission.k8s.io/v1beta1','kind':'AdmissionReview','request':{'uid':'1'}}",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		CLEANUP(json_decrefp) json_t *review = json_row(texts[i]);
		struct error err = ERROR_INIT;
		json_t *answer = NULL;

		assert_false(admission_answer(review, &answer, &err));
		assert_int_equal(err.code, ERR_FIELD_INVALID);
		assert_null(answer);
	}
}

/* Without a name there is no owner, and without an object nothing to judge: refused, never passed. */
static void review_that_cannot_be_judged_is_refused(void **state)
{
	static const char *const names[] = {"", "a\nb"};
	char why[512] = "";

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		CLEANUP(json_decrefp) json_t *review = review_of(SESSION, names[i], BARE, NULL);

		assert_null(admitted(review, why));
	}
	CLEANUP(json_decrefp) json_t *empty = review_of(SESSION, "alice", "{}", NULL);
	assert_null(admitted(empty, why));
}

#define RULE                                                                                                                       \
	"{'apiGroups':['ambient-code.io'],'apiVersions':['*'],'operations':['CREATE','UPDATE'],'resources':['agenticsessions',"    \
	"'projectsettings'],'scope':'*'}"
#define CONFIGURATION(more, rules)                                                                                                 \
	"{'metadata':{'creationTimestamp':'2026-11-22T17:40:00Z'},'webhooks':[{" more "'rules':[" rules "]}]}"

static const struct {
	const char *sentence;
	const char *configuration;
	bool guards;
} configurations[] = {
        {"as deploy/ has it", CONFIGURATION("'failurePolicy':'Fail','namespaceSelector':{},'objectSelector':{},", RULE), true},
        {"operations in two rules",
         CONFIGURATION("'failurePolicy':'Fail',",
                       "{'apiGroups':['*'],'apiVersions':['v1alpha1'],'operations':['CREATE'],'resources':['*']},{'apiGroups':["
                       "'ambient-code.io'],'apiVersions':['v1alpha1'],'operations':['*'],'resources':['agenticsessions']}"),
         true},
        {"it may be left out when it does not answer", CONFIGURATION("'failurePolicy':'Ignore',", RULE), false},
        {"some namespaces", CONFIGURATION("'namespaceSelector':{'matchLabels':{'a':'b'}},", RULE), false},
        {"some objects", CONFIGURATION("'objectSelector':{'matchExpressions':[{'key':'a','operator':'Exists'}]},", RULE), false},
        {"some requests", CONFIGURATION("'matchConditions':[{'name':'x','expression':'false'}],", RULE), false},
        {"creations alone", CONFIGURATION("", "{'apiGroups':['*'],'apiVersions':['*'],'operations':['CREATE'],'resources':['*']}"),
         false},
        {"another group", CONFIGURATION("", "{'apiGroups':['x'],'apiVersions':['*'],'operations':['*'],'resources':['*']}"), false},
        {"another version", CONFIGURATION("", "{'apiGroups':['*'],'apiVersions':['v2'],'operations':['*'],'resources':['*']}"),
         false},
        {"another resource",
         CONFIGURATION("", "{'apiGroups':['*'],'apiVersions':['*'],'operations':['*'],'resources':['projectsettings']}"), false},
        {"cluster scope",
         CONFIGURATION("", "{'apiGroups':['*'],'apiVersions':['*'],'operations':['*'],'resources':['*'],'scope':'Cluster'}"),
         false},
        {"no webhook", "{'metadata':{'creationTimestamp':'2026-11-22T17:40:00Z'},'webhooks':[]}", false},
        {"no time", "{'metadata':{},'webhooks':[{'rules':[" RULE "]}]}", false},
};

static void configuration_guards_only_when_it_leaves_nothing_out(void **state)
{
	int64_t since = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(configurations); i++) {
		CLEANUP(json_decrefp) json_t *configuration = json_row(configurations[i].configuration);

		if (admission_guards(configuration, "ambient-code.io", "agenticsessions", &since) != configurations[i].guards)
			fail_msg("%s", configurations[i].sentence);
	}
	assert_int_equal(since, 1795369200);
	CLEANUP(json_decrefp)
	json_t *changed = json_row("{'metadata':{'creationTimestamp':'2026-11-22T17:40:00Z','managedFields':[{'time':"
	                           "'2026-11-22T17:40:30Z'},{'time':'2026-11-22T17:40:10Z'}]},'webhooks':[{'rules':[" RULE "]}]}");
	assert_true(admission_guards(changed, "ambient-code.io", "agenticsessions", &since));
	assert_int_equal(since, 1795369230);
	assert_false(admission_guards(NULL, "ambient-code.io", "agenticsessions", &since));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(owner_is_who_created_it),
	        cmocka_unit_test(other_annotations_stay),
	        cmocka_unit_test(owner_never_changes),
	        cmocka_unit_test(what_is_asked_for_is_the_owners_alone_to_change),
	        cmocka_unit_test(provider_is_filled_where_the_address_tells),
	        cmocka_unit_test(editor_is_who_changed_the_list),
	        cmocka_unit_test(what_is_not_ours_passes_unchanged),
	        cmocka_unit_test(review_that_is_none_is_an_error),
	        cmocka_unit_test(review_that_cannot_be_judged_is_refused),
	        cmocka_unit_test(configuration_guards_only_when_it_leaves_nothing_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
