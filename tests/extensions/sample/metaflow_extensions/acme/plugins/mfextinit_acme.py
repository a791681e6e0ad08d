"""Plug-ins of the sample organization."""

STEP_DECORATORS_DESC = [
    ("acme_note", ".note_decorator.NoteDecorator"),
    ("acme_rescue", ".rescue_decorator.RescueDecorator"),
    ("acme_broken", ".broken_decorator.BrokenDecorator"),
    ("acme_off", ".note_decorator.NoteDecorator"),
]
FLOW_DECORATORS_DESC = [("acme_flow", ".flow_decorator.AcmeFlowDecorator")]
CLIS_DESC = [("acme", ".commands.cli")]
ARTIFACT_SERIALIZERS_DESC = [("acme_point", ".point_serializer.PointSerializer")]
TL_PLUGINS_DESC = [("acme_helper", ".helper.acme_helper")]
TOGGLE_STEP_DECORATOR = ["-acme_off"]
__mf_promote_submodules__ = ["plugins.helper", "plugins.retry_decorator"]
