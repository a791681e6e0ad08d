"""All names that programs import, by the module that they import them from.

Signatures are those that programs call; `...` stands for a default that is ours to choose.
"""

from __future__ import annotations

CLIENT = """DataArtifact Flow Metaflow Run Step Task default_metadata default_namespace
get_metadata get_namespace metadata namespace"""

NAMES = {
    "metaflow": f"""FlowSpec step Parameter JSONType JSONTypeClass IncludeFile Config ConfigValue
        config_expr FlowMutator StepMutator UserStepDecorator user_step_decorator USER_SKIP_STEP
        current batch kubernetes card catch conda environment parallel pypi pytorch_parallel
        resources retry secrets timeout conda_base pypi_base exit_hook project schedule trigger
        trigger_on_finish airflow_external_task_sensor airflow_s3_key_sensor airflow_internal
        argo_workflows_internal step_functions_internal unbounded_test_foreach_internal
        inspect_spin {CLIENT} Runner NBRunner Deployer DeployedFlow NBDeployer S3 yaml_parser
        requirements_txt_parser pyproject_toml_parser conda_environment_yml_parser
        namespaced_event_name parallel_map parallel_imap_unordered profile cards metaflow_version
        R __version__ datatools""",
    "metaflow.client": CLIENT,
    "metaflow.client.core": f"{CLIENT} MetaflowCode MetaflowData Metadata MetaflowObject",
    "metaflow.cards": """Artifact BlankCard DefaultCard Error ErrorCard EventsTimeline get_cards
        Image JSONViewer Markdown MetaflowCard MetaflowCardComponent PageComponent ProgressBar
        PythonCode Table ValueBox VegaChart YAMLViewer""",
    "metaflow.exception": """MetaflowException MetaflowInternalError MetaflowNotFound
        MetaflowNamespaceMismatch MetaflowInvalidPathspec MetaflowTaggingError MetaflowUnknownUser
        MetaflowDataMissing MetaflowExceptionWrapper ParameterFieldFailed
        ParameterFieldTypeMismatch ExternalCommandFailed InvalidDecoratorAttribute
        CommandException UnhandledInMergeArtifactsException MissingInMergeArtifactsException
        METAFLOW_EXIT_DISALLOW_RETRY METAFLOW_EXIT_ALLOW_RETRY""",
    "metaflow.decorators": """StepDecorator FlowDecorator BadStepDecoratorException
        BadFlowDecoratorException DuplicateStepDecoratorException DuplicateFlowDecoratorException
        UnknownStepDecoratorException UnknownFlowDecoratorException""",
    "metaflow.flowspec": "FlowSpec InvalidNextException",
    "metaflow.parameters": "Parameter ParameterContext JSONTypeClass JSONType",
    "metaflow.includefile": "IncludeFile IncludedFile",
    "metaflow.lint": "LintWarn linter",
    "metaflow.user_decorators.mutable_flow": "MutableFlow",
    "metaflow.user_decorators.mutable_step": "MutableStep",
    "metaflow.user_decorators.user_step_decorator": """UserStepDecorator StepMutator
        user_step_decorator USER_SKIP_STEP""",
    "metaflow.user_decorators.user_flow_decorator": "FlowMutator",
    "metaflow.user_configs.config_parameters": "Config ConfigValue config_expr",
    "metaflow.events": "Trigger MetaflowEvent",
    "metaflow.integrations": "ArgoEvent",
    "metaflow.plugins": "InternalTestUnboundedForeachInput",
    "metaflow.plugins.secrets": "get_secret SecretsProvider",
    "metaflow.plugins.catch_decorator": "FailureHandledByCatch",
    "metaflow.plugins.timeout_decorator": "TimeoutException",
    "metaflow.plugins.cards.exception": "CardNotPresentException",
    "metaflow.plugins.datatools": "S3",
    "metaflow.plugins.package_suffixes_mutator": "package_suffixes",
    "metaflow.datastore.exceptions": "DataException UnpicklableArtifactException",
    "metaflow.datastore.artifacts": """ArtifactSerializer SerializationFormat
        SerializationMetadata SerializedBlob SerializerStore SerializerState
        list_serializer_status""",
    "metaflow.packaging_sys": "ContentType",
    "metaflow.package": "MetaflowPackage NonUniqueFileNameToFilePathMappingException",
    "metaflow.runner.metaflow_runner": "Runner ExecutingRun ExecutingTask",
    "metaflow.runner.deployer": "Deployer DeployedFlow TriggeredRun",
    "metaflow.runner.nbrun": "NBRunner",
    "metaflow.runner.nbdeploy": "NBDeployer",
    "metaflow.runner.click_api": """MetaflowAPI click_to_python_types extract_all_params
        loaded_modules""",
    "metaflow.metaflow_current": "current Current",
    "metaflow.metaflow_version": "get_version",
    "metaflow.util": "is_stringish to_pod resolve_identity get_username",
    "metaflow.tagging_util": "validate_tags validate_tag",
    "metaflow.multicore_utils": "parallel_map parallel_imap_unordered MulticoreException",
    "metaflow.unbounded_foreach": "UnboundedForeachInput",
    "metaflow.system_context": "system_context",
    "metaflow.cli": "start",
    "metaflow.cli_components.run_cmds": "run",
    "metaflow._vendor.click": "command option Group",
    "metaflow.R": "run use_r",
}

LATER = {
    "metaflow.S3": "the S3 client is not written yet",
    "metaflow.cards.*": "cards are not made yet; importing a name says so",
    "metaflow.datatools": "the S3 client is not written yet",
    "metaflow.plugins.cards.exception.*": "cards are not made yet",
    "metaflow.plugins.datatools.*": "the S3 client is not written yet",
}
"""Names that are not there yet, and why. This list may only shrink."""

SIGNATURES = {
    "metaflow:FlowSpec": "(use_cli=True)",
    "metaflow:FlowSpec.next": "(self, *dsts, **kwargs)",
    "metaflow:FlowSpec.merge_artifacts": "(self, inputs, exclude=None, include=None)",
    "metaflow:FlowSpec.foreach_stack": "(self)",
    "metaflow:FlowSpec.cmd": "(self, cmdline, input=..., output=...)",
    "metaflow:step": "(function=None, *, start=False, end=False, node_info=None)",
    "metaflow:Parameter": """(name, default=None, type=None, help=None, required=False,
        show_default=True, separator=None, **options)""",
    "metaflow:IncludeFile": """(name, default=None, is_text=True, encoding='utf-8',
        required=False, help=None, parser=None, ...)""",
    "metaflow:Config": """(name, default=None, default_value=None, help=None, required=...,
        parser=None, plain=False, ...)""",
    "metaflow:config_expr": "(expression)",
    "metaflow:namespace": "(ns)",
    "metaflow:metadata": "(ms)",
    "metaflow:get_namespace": "()",
    "metaflow:default_namespace": "()",
    "metaflow:get_metadata": "()",
    "metaflow:default_metadata": "()",
    "metaflow:inspect_spin": "(root='.')",
    "metaflow:Flow.runs": "(self, *tags)",
    "metaflow:Run.steps": "(self, *tags)",
    "metaflow:Run.add_tag": "(self, tag)",
    "metaflow:Run.add_tags": "(self, tags)",
    "metaflow:Run.remove_tag": "(self, tag)",
    "metaflow:Run.remove_tags": "(self, tags)",
    "metaflow:Run.replace_tag": "(self, tag_to_remove, tag_to_add)",
    "metaflow:Run.replace_tags": "(self, tags_to_remove, tags_to_add)",
    "metaflow:Step.tasks": "(self, *tags)",
    "metaflow:Task.loglines": "(self, stream, as_unicode=True, ...)",
    "metaflow:parallel_map": "(func, iterable, max_parallel=None, dir=None)",
    "metaflow:parallel_imap_unordered": "(func, iterable, max_parallel=None, dir=None)",
    "metaflow:profile": "(label, stats_dict=None)",
    "metaflow:namespaced_event_name": "(name)",
    "metaflow:Runner": """(flow_file, show_output=True, profile=None, env=None, cwd=None,
        file_read_timeout=3600, **kwargs)""",
    "metaflow:Runner.run": "(self, **kwargs)",
    "metaflow:Runner.resume": "(self, **kwargs)",
    "metaflow:Runner.async_run": "(self, **kwargs)",
    "metaflow:Runner.spin": "(self, pathspec, **kwargs)",
    "metaflow:NBRunner": """(flow, show_output=True, profile=None, env=None, base_dir=...,
        file_read_timeout=3600, **kwargs)""",
    "metaflow:Deployer": """(flow_file, show_output=True, profile=None, env=None, cwd=None,
        file_read_timeout=3600, **kwargs)""",
    "metaflow.plugins.secrets:get_secret": "(source, role=None)",
    "metaflow.runner.click_api:MetaflowAPI.from_cli": "(flow_file, start=..., ...)",
    "metaflow.decorators:StepDecorator": """(attributes=None, statically_defined=False,
        inserted_by=None)""",
    "metaflow.decorators:StepDecorator.step_init": """(self, flow, graph, step_name, decorators,
        environment, flow_datastore, logger)""",
    "metaflow.decorators:StepDecorator.task_pre_step": """(self, step_name, task_datastore,
        metadata, run_id, task_id, flow, graph, retry_count, max_user_code_retries, ubf_context,
        inputs)""",
    "metaflow.decorators:StepDecorator.task_decorate": """(self, step_func, flow, graph,
        retry_count, max_user_code_retries, ubf_context)""",
    "metaflow.decorators:StepDecorator.task_exception": """(self, exception, step_name, flow,
        graph, retry_count, max_user_code_retries)""",
    "metaflow.decorators:StepDecorator.runtime_step_cli": """(self, cli_args, retry_count,
        max_user_code_retries, ubf_context)""",
    "metaflow.decorators:FlowDecorator.flow_init": """(self, flow, graph, environment,
        flow_datastore, metadata, logger, echo, options)""",
}
