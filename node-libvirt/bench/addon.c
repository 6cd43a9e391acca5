/* The smallest N-API binding that can be compared: one call of libvirt on libuv's threads. For the bench only. */
#include <libvirt/libvirt.h>
#include <node_api.h>
#include <stdlib.h>

static virConnectPtr conn;
static virDomainPtr dom;

typedef struct {
  napi_async_work work;
  napi_deferred deferred;
  virDomainInfo info;
  int result;
} Job;

static void execute(napi_env env, void *data) {
  (void)env;
  Job *job = data;
  job->result = virDomainGetInfo(dom, &job->info);
}

static void complete(napi_env env, napi_status status, void *data) {
  (void)status;
  Job *job = data;
  napi_value object, value;
  napi_create_object(env, &object);
  napi_create_uint32(env, job->info.state, &value);
  napi_set_named_property(env, object, "state", value);
  napi_create_bigint_uint64(env, job->info.maxMem, &value);
  napi_set_named_property(env, object, "maxMem", value);
  napi_create_bigint_uint64(env, job->info.cpuTime, &value);
  napi_set_named_property(env, object, "cpuTime", value);
  if (job->result == 0) napi_resolve_deferred(env, job->deferred, object);
  else napi_reject_deferred(env, job->deferred, object);
  napi_delete_async_work(env, job->work);
  free(job);
}

static napi_value getInfo(napi_env env, napi_callback_info info) {
  (void)info;
  Job *job = calloc(1, sizeof *job);
  napi_value promise, name;
  napi_create_promise(env, &job->deferred, &promise);
  napi_create_string_utf8(env, "getInfo", NAPI_AUTO_LENGTH, &name);
  napi_create_async_work(env, NULL, name, execute, complete, job, &job->work);
  napi_queue_async_work(env, job->work);
  return promise;
}

static napi_value openDomain(napi_env env, napi_callback_info info) {
  size_t count = 2;
  napi_value args[2], result;
  char uri[512], name[128];
  napi_get_cb_info(env, info, &count, args, NULL, NULL);
  napi_get_value_string_utf8(env, args[0], uri, sizeof uri, NULL);
  napi_get_value_string_utf8(env, args[1], name, sizeof name, NULL);
  conn = virConnectOpen(uri);
  dom = conn ? virDomainLookupByName(conn, name) : NULL;
  napi_get_boolean(env, dom != NULL, &result);
  return result;
}

NAPI_MODULE_INIT() {
  napi_value function;
  napi_create_function(env, "open", NAPI_AUTO_LENGTH, openDomain, NULL, &function);
  napi_set_named_property(env, exports, "open", function);
  napi_create_function(env, "getInfo", NAPI_AUTO_LENGTH, getInfo, NULL, &function);
  napi_set_named_property(env, exports, "getInfo", function);
  return exports;
}
