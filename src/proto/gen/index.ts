// Written by scripts/gen-proto.ts from proto/; never edited.
import type { Access, AccessInput } from "./Access.ts";
import type { Affinity, AffinityInput } from "./Affinity.ts";
import type { Assignment, AssignmentInput } from "./Assignment.ts";
import type { AssignmentSet, AssignmentSetInput } from "./AssignmentSet.ts";
import type { BackupMessage, BackupMessageInput } from "./BackupMessage.ts";
import type { BackupRequest, BackupRequestInput } from "./BackupRequest.ts";
import type { Cause, CauseInput } from "./Cause.ts";
import type { Check, CheckInput } from "./Check.ts";
import type { Cluster, ClusterInput } from "./Cluster.ts";
import type { ClusterSpec, ClusterSpecInput } from "./ClusterSpec.ts";
import type { CommandProbe, CommandProbeInput } from "./CommandProbe.ts";
import type { ContainerSpec, ContainerSpecInput } from "./ContainerSpec.ts";
import type { CreateServiceRequest, CreateServiceRequestInput } from "./CreateServiceRequest.ts";
import type { CreateServiceResponse, CreateServiceResponseInput } from "./CreateServiceResponse.ts";
import type { Cron, CronInput } from "./Cron.ts";
import type { Device, DeviceInput } from "./Device.ts";
import type { Event, EventInput } from "./Event.ts";
import type { EventGap, EventGapInput } from "./EventGap.ts";
import type { EventPosition, EventPositionInput } from "./EventPosition.ts";
import type { EventsState, EventsStateInput } from "./EventsState.ts";
import type { ExplainReason, ExplainReasonInput } from "./ExplainReason.ts";
import type { ExplainRequest, ExplainRequestInput } from "./ExplainRequest.ts";
import type { ExplainResponse, ExplainResponseInput } from "./ExplainResponse.ts";
import type { FetchSnapshotRequest, FetchSnapshotRequestInput } from "./FetchSnapshotRequest.ts";
import type { FinalizeUpgradeRequest, FinalizeUpgradeRequestInput } from "./FinalizeUpgradeRequest.ts";
import type { FinalizeUpgradeResponse, FinalizeUpgradeResponseInput } from "./FinalizeUpgradeResponse.ts";
import type { GenericResource, GenericResourceInput } from "./GenericResource.ts";
import type { GetClusterRequest, GetClusterRequestInput } from "./GetClusterRequest.ts";
import type { GetClusterResponse, GetClusterResponseInput } from "./GetClusterResponse.ts";
import type { GetJoinTokensRequest, GetJoinTokensRequestInput } from "./GetJoinTokensRequest.ts";
import type { GetJoinTokensResponse, GetJoinTokensResponseInput } from "./GetJoinTokensResponse.ts";
import type { GetNodeResponse, GetNodeResponseInput } from "./GetNodeResponse.ts";
import type { GetRequest, GetRequestInput } from "./GetRequest.ts";
import type { GetRootCertificateRequest, GetRootCertificateRequestInput } from "./GetRootCertificateRequest.ts";
import type { GetRootCertificateResponse, GetRootCertificateResponseInput } from "./GetRootCertificateResponse.ts";
import type { GetServiceResponse, GetServiceResponseInput } from "./GetServiceResponse.ts";
import type { GetTaskResponse, GetTaskResponseInput } from "./GetTaskResponse.ts";
import type { Global, GlobalInput } from "./Global.ts";
import type { GlobalJob, GlobalJobInput } from "./GlobalJob.ts";
import type { GpuRequest, GpuRequestInput } from "./GpuRequest.ts";
import type { HealthCheck, HealthCheckInput } from "./HealthCheck.ts";
import type { HeldTask, HeldTaskInput } from "./HeldTask.ts";
import type { HttpProbe, HttpProbeInput } from "./HttpProbe.ts";
import type { InitRequest, InitRequestInput } from "./InitRequest.ts";
import type { InitResponse, InitResponseInput } from "./InitResponse.ts";
import type { IssueContextCertificateRequest, IssueContextCertificateRequestInput } from "./IssueContextCertificateRequest.ts";
import type { IssueContextCertificateResponse, IssueContextCertificateResponseInput } from "./IssueContextCertificateResponse.ts";
import type { IssueNodeCertificateRequest, IssueNodeCertificateRequestInput } from "./IssueNodeCertificateRequest.ts";
import type { IssueNodeCertificateResponse, IssueNodeCertificateResponseInput } from "./IssueNodeCertificateResponse.ts";
import type { JobPolicy, JobPolicyInput } from "./JobPolicy.ts";
import type { JoinRequest, JoinRequestInput } from "./JoinRequest.ts";
import type { JoinResponse, JoinResponseInput } from "./JoinResponse.ts";
import type { LeaveRequest, LeaveRequestInput } from "./LeaveRequest.ts";
import type { LeaveResponse, LeaveResponseInput } from "./LeaveResponse.ts";
import type { ListNodesResponse, ListNodesResponseInput } from "./ListNodesResponse.ts";
import type { ListRequest, ListRequestInput } from "./ListRequest.ts";
import type { ListRevisionsResponse, ListRevisionsResponseInput } from "./ListRevisionsResponse.ts";
import type { ListRunsResponse, ListRunsResponseInput } from "./ListRunsResponse.ts";
import type { ListServicesResponse, ListServicesResponseInput } from "./ListServicesResponse.ts";
import type { ListTasksResponse, ListTasksResponseInput } from "./ListTasksResponse.ts";
import type { LogConfig, LogConfigInput } from "./LogConfig.ts";
import type { LogsMessage, LogsMessageInput } from "./LogsMessage.ts";
import type { LogsOptions, LogsOptionsInput } from "./LogsOptions.ts";
import type { LogsRequest, LogsRequestInput } from "./LogsRequest.ts";
import type { ManagerStatus, ManagerStatusInput } from "./ManagerStatus.ts";
import type { MassSilence, MassSilenceInput } from "./MassSilence.ts";
import type { Meta, MetaInput } from "./Meta.ts";
import type { Mount, MountInput } from "./Mount.ts";
import type { Node, NodeInput } from "./Node.ts";
import type { NodeDescription, NodeDescriptionInput } from "./NodeDescription.ts";
import type { NodeLogsRequest, NodeLogsRequestInput } from "./NodeLogsRequest.ts";
import type { NodeLoss, NodeLossInput } from "./NodeLoss.ts";
import type { NodeReport, NodeReportInput } from "./NodeReport.ts";
import type { NodeSeen, NodeSeenInput } from "./NodeSeen.ts";
import type { NodeSpec, NodeSpecInput } from "./NodeSpec.ts";
import type { NodeStatus, NodeStatusInput } from "./NodeStatus.ts";
import type { NodeSummary, NodeSummaryInput } from "./NodeSummary.ts";
import type { NodeTasksRequest, NodeTasksRequestInput } from "./NodeTasksRequest.ts";
import type { NodeTasksResponse, NodeTasksResponseInput } from "./NodeTasksResponse.ts";
import type { Placement, PlacementInput } from "./Placement.ts";
import type { PlacementPreference, PlacementPreferenceInput } from "./PlacementPreference.ts";
import type { PlanRebalanceResponse, PlanRebalanceResponseInput } from "./PlanRebalanceResponse.ts";
import type { PlanResumeRequest, PlanResumeRequestInput } from "./PlanResumeRequest.ts";
import type { PlanResumeResponse, PlanResumeResponseInput } from "./PlanResumeResponse.ts";
import type { PlannedMove, PlannedMoveInput } from "./PlannedMove.ts";
import type { Platform, PlatformInput } from "./Platform.ts";
import type { PortSpec, PortSpecInput } from "./PortSpec.ts";
import type { PortStatus, PortStatusInput } from "./PortStatus.ts";
import type { ProcessSpec, ProcessSpecInput } from "./ProcessSpec.ts";
import type { RaftDiskRequest, RaftDiskRequestInput } from "./RaftDiskRequest.ts";
import type { RaftDiskResponse, RaftDiskResponseInput } from "./RaftDiskResponse.ts";
import type { RaftFrame, RaftFrameInput } from "./RaftFrame.ts";
import type { RaftJoinRequest, RaftJoinRequestInput } from "./RaftJoinRequest.ts";
import type { RaftJoinResponse, RaftJoinResponseInput } from "./RaftJoinResponse.ts";
import type { RaftLeaveRequest, RaftLeaveRequestInput } from "./RaftLeaveRequest.ts";
import type { RaftLeaveResponse, RaftLeaveResponseInput } from "./RaftLeaveResponse.ts";
import type { ReadEventsRequest, ReadEventsRequestInput } from "./ReadEventsRequest.ts";
import type { ReadEventsResponse, ReadEventsResponseInput } from "./ReadEventsResponse.ts";
import type { RebalanceServiceRequest, RebalanceServiceRequestInput } from "./RebalanceServiceRequest.ts";
import type { Recovery, RecoveryInput } from "./Recovery.ts";
import type { RelayRequest, RelayRequestInput } from "./RelayRequest.ts";
import type { RelayResponse, RelayResponseInput } from "./RelayResponse.ts";
import type { RemoveNodeRequest, RemoveNodeRequestInput } from "./RemoveNodeRequest.ts";
import type { RemoveRequest, RemoveRequestInput } from "./RemoveRequest.ts";
import type { RemoveResponse, RemoveResponseInput } from "./RemoveResponse.ts";
import type { RemoveTaskRequest, RemoveTaskRequestInput } from "./RemoveTaskRequest.ts";
import type { RemoveTaskResponse, RemoveTaskResponseInput } from "./RemoveTaskResponse.ts";
import type { Replicated, ReplicatedInput } from "./Replicated.ts";
import type { ReplicatedJob, ReplicatedJobInput } from "./ReplicatedJob.ts";
import type { RequestRecord, RequestRecordInput } from "./RequestRecord.ts";
import type { ResourceRequirements, ResourceRequirementsInput } from "./ResourceRequirements.ts";
import type { Resources, ResourcesInput } from "./Resources.ts";
import type { RestartPolicy, RestartPolicyInput } from "./RestartPolicy.ts";
import type { ResumeClusterRequest, ResumeClusterRequestInput } from "./ResumeClusterRequest.ts";
import type { ResumeClusterResponse, ResumeClusterResponseInput } from "./ResumeClusterResponse.ts";
import type { ResumeItem, ResumeItemInput } from "./ResumeItem.ts";
import type { ResumeNode, ResumeNodeInput } from "./ResumeNode.ts";
import type { Revision, RevisionInput } from "./Revision.ts";
import type { RevisionSummary, RevisionSummaryInput } from "./RevisionSummary.ts";
import type { RollbackServiceRequest, RollbackServiceRequestInput } from "./RollbackServiceRequest.ts";
import type { Rollout, RolloutInput } from "./Rollout.ts";
import type { RolloutFailure, RolloutFailureInput } from "./RolloutFailure.ts";
import type { Run, RunInput } from "./Run.ts";
import type { RunServiceRequest, RunServiceRequestInput } from "./RunServiceRequest.ts";
import type { RunServiceResponse, RunServiceResponseInput } from "./RunServiceResponse.ts";
import type { Service, ServiceInput } from "./Service.ts";
import type { ServiceSpec, ServiceSpecInput } from "./ServiceSpec.ts";
import type { ServiceSummary, ServiceSummaryInput } from "./ServiceSummary.ts";
import type { SessionDown, SessionDownInput } from "./SessionDown.ts";
import type { SessionUp, SessionUpInput } from "./SessionUp.ts";
import type { SetNodeRoleRequest, SetNodeRoleRequestInput } from "./SetNodeRoleRequest.ts";
import type { Silence, SilenceInput } from "./Silence.ts";
import type { SnapshotChunk, SnapshotChunkInput } from "./SnapshotChunk.ts";
import type { StatusRequest, StatusRequestInput } from "./StatusRequest.ts";
import type { StatusResponse, StatusResponseInput } from "./StatusResponse.ts";
import type { SteerRolloutRequest, SteerRolloutRequestInput } from "./SteerRolloutRequest.ts";
import type { StoreAction, StoreActionInput } from "./StoreAction.ts";
import type { StoreKey, StoreKeyInput } from "./StoreKey.ts";
import type { StoreObject, StoreObjectInput } from "./StoreObject.ts";
import type { StoreSnapshotChunk, StoreSnapshotChunkInput } from "./StoreSnapshotChunk.ts";
import type { StoreTransaction, StoreTransactionInput } from "./StoreTransaction.ts";
import type { Task, TaskInput } from "./Task.ts";
import type { TaskChecks, TaskChecksInput } from "./TaskChecks.ts";
import type { TaskMove, TaskMoveInput } from "./TaskMove.ts";
import type { TaskReport, TaskReportInput } from "./TaskReport.ts";
import type { TaskSpec, TaskSpecInput } from "./TaskSpec.ts";
import type { TaskStatus, TaskStatusInput } from "./TaskStatus.ts";
import type { TcpProbe, TcpProbeInput } from "./TcpProbe.ts";
import type { UpdateClusterRequest, UpdateClusterRequestInput } from "./UpdateClusterRequest.ts";
import type { UpdateClusterResponse, UpdateClusterResponseInput } from "./UpdateClusterResponse.ts";
import type { UpdateConfig, UpdateConfigInput } from "./UpdateConfig.ts";
import type { UpdateNodeRequest, UpdateNodeRequestInput } from "./UpdateNodeRequest.ts";
import type { UpdateNodeResponse, UpdateNodeResponseInput } from "./UpdateNodeResponse.ts";
import type { UpdateServiceRequest, UpdateServiceRequestInput } from "./UpdateServiceRequest.ts";
import type { UpdateServiceResponse, UpdateServiceResponseInput } from "./UpdateServiceResponse.ts";
import type { WatchMessage, WatchMessageInput } from "./WatchMessage.ts";
import type { WatchRequest, WatchRequestInput } from "./WatchRequest.ts";

export interface Messages {
  Access: { input: AccessInput; output: Access };
  Affinity: { input: AffinityInput; output: Affinity };
  Assignment: { input: AssignmentInput; output: Assignment };
  AssignmentSet: { input: AssignmentSetInput; output: AssignmentSet };
  BackupMessage: { input: BackupMessageInput; output: BackupMessage };
  BackupRequest: { input: BackupRequestInput; output: BackupRequest };
  Cause: { input: CauseInput; output: Cause };
  Check: { input: CheckInput; output: Check };
  Cluster: { input: ClusterInput; output: Cluster };
  ClusterSpec: { input: ClusterSpecInput; output: ClusterSpec };
  CommandProbe: { input: CommandProbeInput; output: CommandProbe };
  ContainerSpec: { input: ContainerSpecInput; output: ContainerSpec };
  CreateServiceRequest: { input: CreateServiceRequestInput; output: CreateServiceRequest };
  CreateServiceResponse: { input: CreateServiceResponseInput; output: CreateServiceResponse };
  Cron: { input: CronInput; output: Cron };
  Device: { input: DeviceInput; output: Device };
  Event: { input: EventInput; output: Event };
  EventGap: { input: EventGapInput; output: EventGap };
  EventPosition: { input: EventPositionInput; output: EventPosition };
  EventsState: { input: EventsStateInput; output: EventsState };
  ExplainReason: { input: ExplainReasonInput; output: ExplainReason };
  ExplainRequest: { input: ExplainRequestInput; output: ExplainRequest };
  ExplainResponse: { input: ExplainResponseInput; output: ExplainResponse };
  FetchSnapshotRequest: { input: FetchSnapshotRequestInput; output: FetchSnapshotRequest };
  FinalizeUpgradeRequest: { input: FinalizeUpgradeRequestInput; output: FinalizeUpgradeRequest };
  FinalizeUpgradeResponse: { input: FinalizeUpgradeResponseInput; output: FinalizeUpgradeResponse };
  GenericResource: { input: GenericResourceInput; output: GenericResource };
  GetClusterRequest: { input: GetClusterRequestInput; output: GetClusterRequest };
  GetClusterResponse: { input: GetClusterResponseInput; output: GetClusterResponse };
  GetJoinTokensRequest: { input: GetJoinTokensRequestInput; output: GetJoinTokensRequest };
  GetJoinTokensResponse: { input: GetJoinTokensResponseInput; output: GetJoinTokensResponse };
  GetNodeResponse: { input: GetNodeResponseInput; output: GetNodeResponse };
  GetRequest: { input: GetRequestInput; output: GetRequest };
  GetRootCertificateRequest: { input: GetRootCertificateRequestInput; output: GetRootCertificateRequest };
  GetRootCertificateResponse: { input: GetRootCertificateResponseInput; output: GetRootCertificateResponse };
  GetServiceResponse: { input: GetServiceResponseInput; output: GetServiceResponse };
  GetTaskResponse: { input: GetTaskResponseInput; output: GetTaskResponse };
  Global: { input: GlobalInput; output: Global };
  GlobalJob: { input: GlobalJobInput; output: GlobalJob };
  GpuRequest: { input: GpuRequestInput; output: GpuRequest };
  HealthCheck: { input: HealthCheckInput; output: HealthCheck };
  HeldTask: { input: HeldTaskInput; output: HeldTask };
  HttpProbe: { input: HttpProbeInput; output: HttpProbe };
  InitRequest: { input: InitRequestInput; output: InitRequest };
  InitResponse: { input: InitResponseInput; output: InitResponse };
  IssueContextCertificateRequest: { input: IssueContextCertificateRequestInput; output: IssueContextCertificateRequest };
  IssueContextCertificateResponse: { input: IssueContextCertificateResponseInput; output: IssueContextCertificateResponse };
  IssueNodeCertificateRequest: { input: IssueNodeCertificateRequestInput; output: IssueNodeCertificateRequest };
  IssueNodeCertificateResponse: { input: IssueNodeCertificateResponseInput; output: IssueNodeCertificateResponse };
  JobPolicy: { input: JobPolicyInput; output: JobPolicy };
  JoinRequest: { input: JoinRequestInput; output: JoinRequest };
  JoinResponse: { input: JoinResponseInput; output: JoinResponse };
  LeaveRequest: { input: LeaveRequestInput; output: LeaveRequest };
  LeaveResponse: { input: LeaveResponseInput; output: LeaveResponse };
  ListNodesResponse: { input: ListNodesResponseInput; output: ListNodesResponse };
  ListRequest: { input: ListRequestInput; output: ListRequest };
  ListRevisionsResponse: { input: ListRevisionsResponseInput; output: ListRevisionsResponse };
  ListRunsResponse: { input: ListRunsResponseInput; output: ListRunsResponse };
  ListServicesResponse: { input: ListServicesResponseInput; output: ListServicesResponse };
  ListTasksResponse: { input: ListTasksResponseInput; output: ListTasksResponse };
  LogConfig: { input: LogConfigInput; output: LogConfig };
  LogsMessage: { input: LogsMessageInput; output: LogsMessage };
  LogsOptions: { input: LogsOptionsInput; output: LogsOptions };
  LogsRequest: { input: LogsRequestInput; output: LogsRequest };
  ManagerStatus: { input: ManagerStatusInput; output: ManagerStatus };
  MassSilence: { input: MassSilenceInput; output: MassSilence };
  Meta: { input: MetaInput; output: Meta };
  Mount: { input: MountInput; output: Mount };
  Node: { input: NodeInput; output: Node };
  NodeDescription: { input: NodeDescriptionInput; output: NodeDescription };
  NodeLogsRequest: { input: NodeLogsRequestInput; output: NodeLogsRequest };
  NodeLoss: { input: NodeLossInput; output: NodeLoss };
  NodeReport: { input: NodeReportInput; output: NodeReport };
  NodeSeen: { input: NodeSeenInput; output: NodeSeen };
  NodeSpec: { input: NodeSpecInput; output: NodeSpec };
  NodeStatus: { input: NodeStatusInput; output: NodeStatus };
  NodeSummary: { input: NodeSummaryInput; output: NodeSummary };
  NodeTasksRequest: { input: NodeTasksRequestInput; output: NodeTasksRequest };
  NodeTasksResponse: { input: NodeTasksResponseInput; output: NodeTasksResponse };
  Placement: { input: PlacementInput; output: Placement };
  PlacementPreference: { input: PlacementPreferenceInput; output: PlacementPreference };
  PlanRebalanceResponse: { input: PlanRebalanceResponseInput; output: PlanRebalanceResponse };
  PlanResumeRequest: { input: PlanResumeRequestInput; output: PlanResumeRequest };
  PlanResumeResponse: { input: PlanResumeResponseInput; output: PlanResumeResponse };
  PlannedMove: { input: PlannedMoveInput; output: PlannedMove };
  Platform: { input: PlatformInput; output: Platform };
  PortSpec: { input: PortSpecInput; output: PortSpec };
  PortStatus: { input: PortStatusInput; output: PortStatus };
  ProcessSpec: { input: ProcessSpecInput; output: ProcessSpec };
  RaftDiskRequest: { input: RaftDiskRequestInput; output: RaftDiskRequest };
  RaftDiskResponse: { input: RaftDiskResponseInput; output: RaftDiskResponse };
  RaftFrame: { input: RaftFrameInput; output: RaftFrame };
  RaftJoinRequest: { input: RaftJoinRequestInput; output: RaftJoinRequest };
  RaftJoinResponse: { input: RaftJoinResponseInput; output: RaftJoinResponse };
  RaftLeaveRequest: { input: RaftLeaveRequestInput; output: RaftLeaveRequest };
  RaftLeaveResponse: { input: RaftLeaveResponseInput; output: RaftLeaveResponse };
  ReadEventsRequest: { input: ReadEventsRequestInput; output: ReadEventsRequest };
  ReadEventsResponse: { input: ReadEventsResponseInput; output: ReadEventsResponse };
  RebalanceServiceRequest: { input: RebalanceServiceRequestInput; output: RebalanceServiceRequest };
  Recovery: { input: RecoveryInput; output: Recovery };
  RelayRequest: { input: RelayRequestInput; output: RelayRequest };
  RelayResponse: { input: RelayResponseInput; output: RelayResponse };
  RemoveNodeRequest: { input: RemoveNodeRequestInput; output: RemoveNodeRequest };
  RemoveRequest: { input: RemoveRequestInput; output: RemoveRequest };
  RemoveResponse: { input: RemoveResponseInput; output: RemoveResponse };
  RemoveTaskRequest: { input: RemoveTaskRequestInput; output: RemoveTaskRequest };
  RemoveTaskResponse: { input: RemoveTaskResponseInput; output: RemoveTaskResponse };
  Replicated: { input: ReplicatedInput; output: Replicated };
  ReplicatedJob: { input: ReplicatedJobInput; output: ReplicatedJob };
  RequestRecord: { input: RequestRecordInput; output: RequestRecord };
  ResourceRequirements: { input: ResourceRequirementsInput; output: ResourceRequirements };
  Resources: { input: ResourcesInput; output: Resources };
  RestartPolicy: { input: RestartPolicyInput; output: RestartPolicy };
  ResumeClusterRequest: { input: ResumeClusterRequestInput; output: ResumeClusterRequest };
  ResumeClusterResponse: { input: ResumeClusterResponseInput; output: ResumeClusterResponse };
  ResumeItem: { input: ResumeItemInput; output: ResumeItem };
  ResumeNode: { input: ResumeNodeInput; output: ResumeNode };
  Revision: { input: RevisionInput; output: Revision };
  RevisionSummary: { input: RevisionSummaryInput; output: RevisionSummary };
  RollbackServiceRequest: { input: RollbackServiceRequestInput; output: RollbackServiceRequest };
  Rollout: { input: RolloutInput; output: Rollout };
  RolloutFailure: { input: RolloutFailureInput; output: RolloutFailure };
  Run: { input: RunInput; output: Run };
  RunServiceRequest: { input: RunServiceRequestInput; output: RunServiceRequest };
  RunServiceResponse: { input: RunServiceResponseInput; output: RunServiceResponse };
  Service: { input: ServiceInput; output: Service };
  ServiceSpec: { input: ServiceSpecInput; output: ServiceSpec };
  ServiceSummary: { input: ServiceSummaryInput; output: ServiceSummary };
  SessionDown: { input: SessionDownInput; output: SessionDown };
  SessionUp: { input: SessionUpInput; output: SessionUp };
  SetNodeRoleRequest: { input: SetNodeRoleRequestInput; output: SetNodeRoleRequest };
  Silence: { input: SilenceInput; output: Silence };
  SnapshotChunk: { input: SnapshotChunkInput; output: SnapshotChunk };
  StatusRequest: { input: StatusRequestInput; output: StatusRequest };
  StatusResponse: { input: StatusResponseInput; output: StatusResponse };
  SteerRolloutRequest: { input: SteerRolloutRequestInput; output: SteerRolloutRequest };
  StoreAction: { input: StoreActionInput; output: StoreAction };
  StoreKey: { input: StoreKeyInput; output: StoreKey };
  StoreObject: { input: StoreObjectInput; output: StoreObject };
  StoreSnapshotChunk: { input: StoreSnapshotChunkInput; output: StoreSnapshotChunk };
  StoreTransaction: { input: StoreTransactionInput; output: StoreTransaction };
  Task: { input: TaskInput; output: Task };
  TaskChecks: { input: TaskChecksInput; output: TaskChecks };
  TaskMove: { input: TaskMoveInput; output: TaskMove };
  TaskReport: { input: TaskReportInput; output: TaskReport };
  TaskSpec: { input: TaskSpecInput; output: TaskSpec };
  TaskStatus: { input: TaskStatusInput; output: TaskStatus };
  TcpProbe: { input: TcpProbeInput; output: TcpProbe };
  UpdateClusterRequest: { input: UpdateClusterRequestInput; output: UpdateClusterRequest };
  UpdateClusterResponse: { input: UpdateClusterResponseInput; output: UpdateClusterResponse };
  UpdateConfig: { input: UpdateConfigInput; output: UpdateConfig };
  UpdateNodeRequest: { input: UpdateNodeRequestInput; output: UpdateNodeRequest };
  UpdateNodeResponse: { input: UpdateNodeResponseInput; output: UpdateNodeResponse };
  UpdateServiceRequest: { input: UpdateServiceRequestInput; output: UpdateServiceRequest };
  UpdateServiceResponse: { input: UpdateServiceResponseInput; output: UpdateServiceResponse };
  WatchMessage: { input: WatchMessageInput; output: WatchMessage };
  WatchRequest: { input: WatchRequestInput; output: WatchRequest };
}

export interface Rpcs {
  "Backup.Read": { request: "BackupRequest"; response: "BackupMessage"; kind: "server-stream" };
  "CertificateAuthority.GetRootCertificate": { request: "GetRootCertificateRequest"; response: "GetRootCertificateResponse"; kind: "unary" };
  "CertificateAuthority.IssueNodeCertificate": { request: "IssueNodeCertificateRequest"; response: "IssueNodeCertificateResponse"; kind: "unary" };
  "CertificateAuthority.IssueContextCertificate": { request: "IssueContextCertificateRequest"; response: "IssueContextCertificateResponse"; kind: "unary" };
  "Control.CreateService": { request: "CreateServiceRequest"; response: "CreateServiceResponse"; kind: "unary" };
  "Control.GetService": { request: "GetRequest"; response: "GetServiceResponse"; kind: "unary" };
  "Control.ListServices": { request: "ListRequest"; response: "ListServicesResponse"; kind: "unary" };
  "Control.UpdateService": { request: "UpdateServiceRequest"; response: "UpdateServiceResponse"; kind: "unary" };
  "Control.RemoveService": { request: "RemoveRequest"; response: "RemoveResponse"; kind: "unary" };
  "Control.RollbackService": { request: "RollbackServiceRequest"; response: "UpdateServiceResponse"; kind: "unary" };
  "Control.SteerRollout": { request: "SteerRolloutRequest"; response: "UpdateServiceResponse"; kind: "unary" };
  "Control.RebalanceService": { request: "RebalanceServiceRequest"; response: "UpdateServiceResponse"; kind: "unary" };
  "Control.PlanRebalance": { request: "GetRequest"; response: "PlanRebalanceResponse"; kind: "unary" };
  "Control.ListRevisions": { request: "GetRequest"; response: "ListRevisionsResponse"; kind: "unary" };
  "Control.RunService": { request: "RunServiceRequest"; response: "RunServiceResponse"; kind: "unary" };
  "Control.ListRuns": { request: "ListRequest"; response: "ListRunsResponse"; kind: "unary" };
  "Control.GetTask": { request: "GetRequest"; response: "GetTaskResponse"; kind: "unary" };
  "Control.RemoveTask": { request: "RemoveTaskRequest"; response: "RemoveTaskResponse"; kind: "unary" };
  "Control.ListTasks": { request: "ListRequest"; response: "ListTasksResponse"; kind: "unary" };
  "Control.GetNode": { request: "GetRequest"; response: "GetNodeResponse"; kind: "unary" };
  "Control.ListNodes": { request: "ListRequest"; response: "ListNodesResponse"; kind: "unary" };
  "Control.UpdateNode": { request: "UpdateNodeRequest"; response: "UpdateNodeResponse"; kind: "unary" };
  "Control.SetNodeRole": { request: "SetNodeRoleRequest"; response: "UpdateNodeResponse"; kind: "unary" };
  "Control.RemoveNode": { request: "RemoveNodeRequest"; response: "RemoveResponse"; kind: "unary" };
  "Control.GetCluster": { request: "GetClusterRequest"; response: "GetClusterResponse"; kind: "unary" };
  "Control.UpdateCluster": { request: "UpdateClusterRequest"; response: "UpdateClusterResponse"; kind: "unary" };
  "Control.FinalizeUpgrade": { request: "FinalizeUpgradeRequest"; response: "FinalizeUpgradeResponse"; kind: "unary" };
  "Control.PlanResume": { request: "PlanResumeRequest"; response: "PlanResumeResponse"; kind: "unary" };
  "Control.ResumeCluster": { request: "ResumeClusterRequest"; response: "ResumeClusterResponse"; kind: "unary" };
  "Control.GetJoinTokens": { request: "GetJoinTokensRequest"; response: "GetJoinTokensResponse"; kind: "unary" };
  "Control.Explain": { request: "ExplainRequest"; response: "ExplainResponse"; kind: "unary" };
  "Daemon.Init": { request: "InitRequest"; response: "InitResponse"; kind: "unary" };
  "Daemon.Join": { request: "JoinRequest"; response: "JoinResponse"; kind: "unary" };
  "Daemon.Leave": { request: "LeaveRequest"; response: "LeaveResponse"; kind: "unary" };
  "Daemon.Status": { request: "StatusRequest"; response: "StatusResponse"; kind: "unary" };
  "Events.Read": { request: "ReadEventsRequest"; response: "ReadEventsResponse"; kind: "unary" };
  "Logs.Stream": { request: "LogsRequest"; response: "LogsMessage"; kind: "server-stream" };
  "NodeService.Logs": { request: "NodeLogsRequest"; response: "LogsMessage"; kind: "server-stream" };
  "NodeService.Tasks": { request: "NodeTasksRequest"; response: "NodeTasksResponse"; kind: "unary" };
  "Raft.Stream": { request: "RaftFrame"; response: "RaftFrame"; kind: "bidi" };
  "Raft.FetchSnapshot": { request: "FetchSnapshotRequest"; response: "SnapshotChunk"; kind: "server-stream" };
  "Raft.Join": { request: "RaftJoinRequest"; response: "RaftJoinResponse"; kind: "unary" };
  "Raft.Disk": { request: "RaftDiskRequest"; response: "RaftDiskResponse"; kind: "unary" };
  "Raft.Leave": { request: "RaftLeaveRequest"; response: "RaftLeaveResponse"; kind: "unary" };
  "Session.Session": { request: "SessionUp"; response: "SessionDown"; kind: "bidi" };
  "Session.Relay": { request: "RelayRequest"; response: "RelayResponse"; kind: "unary" };
  "Watch.Watch": { request: "WatchRequest"; response: "WatchMessage"; kind: "server-stream" };
}

export const RPC_KINDS: { readonly [K in keyof Rpcs]: Rpcs[K]["kind"] } = {
  "Backup.Read": "server-stream",
  "CertificateAuthority.GetRootCertificate": "unary",
  "CertificateAuthority.IssueNodeCertificate": "unary",
  "CertificateAuthority.IssueContextCertificate": "unary",
  "Control.CreateService": "unary",
  "Control.GetService": "unary",
  "Control.ListServices": "unary",
  "Control.UpdateService": "unary",
  "Control.RemoveService": "unary",
  "Control.RollbackService": "unary",
  "Control.SteerRollout": "unary",
  "Control.RebalanceService": "unary",
  "Control.PlanRebalance": "unary",
  "Control.ListRevisions": "unary",
  "Control.RunService": "unary",
  "Control.ListRuns": "unary",
  "Control.GetTask": "unary",
  "Control.RemoveTask": "unary",
  "Control.ListTasks": "unary",
  "Control.GetNode": "unary",
  "Control.ListNodes": "unary",
  "Control.UpdateNode": "unary",
  "Control.SetNodeRole": "unary",
  "Control.RemoveNode": "unary",
  "Control.GetCluster": "unary",
  "Control.UpdateCluster": "unary",
  "Control.FinalizeUpgrade": "unary",
  "Control.PlanResume": "unary",
  "Control.ResumeCluster": "unary",
  "Control.GetJoinTokens": "unary",
  "Control.Explain": "unary",
  "Daemon.Init": "unary",
  "Daemon.Join": "unary",
  "Daemon.Leave": "unary",
  "Daemon.Status": "unary",
  "Events.Read": "unary",
  "Logs.Stream": "server-stream",
  "NodeService.Logs": "server-stream",
  "NodeService.Tasks": "unary",
  "Raft.Stream": "bidi",
  "Raft.FetchSnapshot": "server-stream",
  "Raft.Join": "unary",
  "Raft.Disk": "unary",
  "Raft.Leave": "unary",
  "Session.Session": "bidi",
  "Session.Relay": "unary",
  "Watch.Watch": "server-stream",
};

export const RPC_TYPES: {
  readonly [K in keyof Rpcs]: readonly [request: Rpcs[K]["request"], response: Rpcs[K]["response"]];
} = {
  "Backup.Read": ["BackupRequest", "BackupMessage"],
  "CertificateAuthority.GetRootCertificate": ["GetRootCertificateRequest", "GetRootCertificateResponse"],
  "CertificateAuthority.IssueNodeCertificate": ["IssueNodeCertificateRequest", "IssueNodeCertificateResponse"],
  "CertificateAuthority.IssueContextCertificate": ["IssueContextCertificateRequest", "IssueContextCertificateResponse"],
  "Control.CreateService": ["CreateServiceRequest", "CreateServiceResponse"],
  "Control.GetService": ["GetRequest", "GetServiceResponse"],
  "Control.ListServices": ["ListRequest", "ListServicesResponse"],
  "Control.UpdateService": ["UpdateServiceRequest", "UpdateServiceResponse"],
  "Control.RemoveService": ["RemoveRequest", "RemoveResponse"],
  "Control.RollbackService": ["RollbackServiceRequest", "UpdateServiceResponse"],
  "Control.SteerRollout": ["SteerRolloutRequest", "UpdateServiceResponse"],
  "Control.RebalanceService": ["RebalanceServiceRequest", "UpdateServiceResponse"],
  "Control.PlanRebalance": ["GetRequest", "PlanRebalanceResponse"],
  "Control.ListRevisions": ["GetRequest", "ListRevisionsResponse"],
  "Control.RunService": ["RunServiceRequest", "RunServiceResponse"],
  "Control.ListRuns": ["ListRequest", "ListRunsResponse"],
  "Control.GetTask": ["GetRequest", "GetTaskResponse"],
  "Control.RemoveTask": ["RemoveTaskRequest", "RemoveTaskResponse"],
  "Control.ListTasks": ["ListRequest", "ListTasksResponse"],
  "Control.GetNode": ["GetRequest", "GetNodeResponse"],
  "Control.ListNodes": ["ListRequest", "ListNodesResponse"],
  "Control.UpdateNode": ["UpdateNodeRequest", "UpdateNodeResponse"],
  "Control.SetNodeRole": ["SetNodeRoleRequest", "UpdateNodeResponse"],
  "Control.RemoveNode": ["RemoveNodeRequest", "RemoveResponse"],
  "Control.GetCluster": ["GetClusterRequest", "GetClusterResponse"],
  "Control.UpdateCluster": ["UpdateClusterRequest", "UpdateClusterResponse"],
  "Control.FinalizeUpgrade": ["FinalizeUpgradeRequest", "FinalizeUpgradeResponse"],
  "Control.PlanResume": ["PlanResumeRequest", "PlanResumeResponse"],
  "Control.ResumeCluster": ["ResumeClusterRequest", "ResumeClusterResponse"],
  "Control.GetJoinTokens": ["GetJoinTokensRequest", "GetJoinTokensResponse"],
  "Control.Explain": ["ExplainRequest", "ExplainResponse"],
  "Daemon.Init": ["InitRequest", "InitResponse"],
  "Daemon.Join": ["JoinRequest", "JoinResponse"],
  "Daemon.Leave": ["LeaveRequest", "LeaveResponse"],
  "Daemon.Status": ["StatusRequest", "StatusResponse"],
  "Events.Read": ["ReadEventsRequest", "ReadEventsResponse"],
  "Logs.Stream": ["LogsRequest", "LogsMessage"],
  "NodeService.Logs": ["NodeLogsRequest", "LogsMessage"],
  "NodeService.Tasks": ["NodeTasksRequest", "NodeTasksResponse"],
  "Raft.Stream": ["RaftFrame", "RaftFrame"],
  "Raft.FetchSnapshot": ["FetchSnapshotRequest", "SnapshotChunk"],
  "Raft.Join": ["RaftJoinRequest", "RaftJoinResponse"],
  "Raft.Disk": ["RaftDiskRequest", "RaftDiskResponse"],
  "Raft.Leave": ["RaftLeaveRequest", "RaftLeaveResponse"],
  "Session.Session": ["SessionUp", "SessionDown"],
  "Session.Relay": ["RelayRequest", "RelayResponse"],
  "Watch.Watch": ["WatchRequest", "WatchMessage"],
};

export const PROTO_FILES = [
  "shoal/v1/access.proto",
  "shoal/v1/backup.proto",
  "shoal/v1/ca.proto",
  "shoal/v1/control.proto",
  "shoal/v1/daemon.proto",
  "shoal/v1/events.proto",
  "shoal/v1/logs.proto",
  "shoal/v1/node.proto",
  "shoal/v1/objects.proto",
  "shoal/v1/raft.proto",
  "shoal/v1/session.proto",
  "shoal/v1/specs.proto",
  "shoal/v1/store.proto",
  "shoal/v1/types.proto",
  "shoal/v1/watch.proto",
] as const;
